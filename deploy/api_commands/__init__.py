"""The commands of `weir` that call the API of a running system."""
