"""Defines what keeps one process at a time at work on a topic: how far was read stands in the transaction of what follows from it."""


class OtherReaderError(Exception):
    """Another process has written what follows from these records."""
