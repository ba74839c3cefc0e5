"""A release decides on synthetic events before it counts."""
