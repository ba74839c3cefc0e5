"""Half-space trees, which learn without labels what is rare."""
