"""Alerts, cases, holds and notes in SQLite or PostgreSQL."""
