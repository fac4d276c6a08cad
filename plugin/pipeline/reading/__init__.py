"""Reading the stores: what changed, and which products come first."""
