"""Payments wait for somebody, or for the time, to release or decline them."""
