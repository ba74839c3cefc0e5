"""Payments of a made-up town with attacks among them, sent to a system and shown."""
