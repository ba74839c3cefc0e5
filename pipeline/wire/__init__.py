"""The bytes between Java and Python: what they are, how they are written and read."""
