"""Detectors that keep a few numbers for each entity."""
