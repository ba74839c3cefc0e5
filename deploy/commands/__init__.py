"""The commands of `weir` that do their work themselves."""
