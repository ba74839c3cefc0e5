"""Webhooks over HTTP: who is told, and what became of each message."""
