"""Holds of payments over HTTP."""
