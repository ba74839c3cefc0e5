"""Definitions are compiled into the arrays that drive the kernel."""
