"""Decisions and events are delivered to stores, counted and archived."""
