"""Decides on files and on the archive, explains decisions, and sends records again."""
