"""Decisions in SQLite."""
