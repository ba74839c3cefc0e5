"""Sequences of steps: what is kept of each key, and what of it has matched."""
