"""The compiled loop that takes events through the sequences of their keys."""
