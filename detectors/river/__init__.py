"""Models of River: which are allowed, how they run, and what their state holds."""
