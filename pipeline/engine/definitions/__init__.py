"""A release is compiled of its definitions."""
