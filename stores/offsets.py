"""Defines what keeps one process at a time at work on a topic: how far was read stands in the transaction of what follows from it."""

from collections.abc import Mapping
from typing import NamedTuple


class Progress(NamedTuple):
    """How far a batch brings the reading of topics, as offsets to go on from, by ``topic/partition``.

    Args:
        before: of all places, as whoever makes the batch knows them; a place that is not in it was never read.
        after: of the places that the batch has records of.
    """

    before: Mapping[str, int]
    after: Mapping[str, int]

    @property
    def positions(self) -> dict[str, int]:
        """The offsets of all places once the batch is written."""
        return {**self.before, **self.after}


class OtherReaderError(Exception):
    """Another process has written what follows from these records."""
