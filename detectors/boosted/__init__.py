"""Boosted trees that are fitted elsewhere: how they score and explain."""
