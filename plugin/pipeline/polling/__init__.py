"""Polling within the limits, and collecting what the tasks became."""
