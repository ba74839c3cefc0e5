"""Alerts as they open, grow, fire on and end; pure, with the time passed in."""
