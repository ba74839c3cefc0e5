"""Sequences of steps: what is kept of each key, and the compiled loop that advances it."""
