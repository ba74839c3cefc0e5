"""The score job's three stages: pure objects that take a bundle of bytes and give one back."""
