"""Entries of lists are followed and written."""
