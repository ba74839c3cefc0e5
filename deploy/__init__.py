"""Starts and operates systems: the command `weir` and all behind it."""
