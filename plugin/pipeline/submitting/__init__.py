"""Submitting: budgets, the intent that is on disk before the call, single file, and doubts."""
