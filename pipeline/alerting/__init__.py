"""Decisions become alerts, and alerts reach their receivers."""
