"""Uploaded definitions are tried before anything of them is stored: in a process of their own, or in the one that asks."""
