"""Regressions that learn from labels, one event at a time."""
