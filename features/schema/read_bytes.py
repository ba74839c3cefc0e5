"""Bytes of an event that carry what was read of them."""

from features.schema.event import Event
from features.schema.schema import Schema


class ReadBytes(bytes):
    """The bytes of an event with the event itself: whoever gets them in the same process and has the same schema need not read them again.

    Attributes:
        schema: by which they were read; None before.
        event: what was read.
    """

    schema: Schema | None = None
    event: Event
