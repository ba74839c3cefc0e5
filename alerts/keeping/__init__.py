"""Keeps alerts in the store, exactly once, whatever dies meanwhile."""
