"""Planning tasks: what a product is offered, prompts and their cost, and retries of single pictures."""
