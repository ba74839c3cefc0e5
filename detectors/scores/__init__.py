"""Scores become tails, probabilities and combinations."""
