"""Decisions become alerts, and alerts reach whoever must act."""
