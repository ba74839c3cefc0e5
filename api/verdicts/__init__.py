"""Verdicts are carried out, approved and shown."""
