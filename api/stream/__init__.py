"""Decisions and changes of cases as server-sent events."""
