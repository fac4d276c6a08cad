"""Writing to listings, and undoing it."""
