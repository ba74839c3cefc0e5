"""Profiles of entities: in flat arrays while they are worked on, and as bytes at rest."""
