"""Running values of windows, one kind a file."""
