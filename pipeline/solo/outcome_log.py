"""The output of the engine: outcomes in batches, each of which says how far the input is decided by it."""

from collections.abc import Sequence

from pipeline.log.frame import Entry
from pipeline.log.reader import LogReader
from pipeline.log.segments import Segments

THROUGH_HEADER = "weir-through"
"""The header of the first record of a batch of outcomes: the ordinal after the last record of the input that the batch is about."""
_TOPICS = ("decisions", "late", "dead-letters", "alerts")
_RECORDS_AT_ONCE = 10_000


def marked(outcomes: Sequence[Entry], end: int) -> list[Entry]:
    """Returns a batch of outcomes that says that it is about records of the input before the ordinal `end`."""
    first, *others = outcomes
    return [first._replace(headers=((THROUGH_HEADER, str(end).encode()),)), *others]


def outcomes_through(output: Segments, position: int, known: int) -> int:
    """Returns the ordinal of the input up to which outcomes stand in the output.

    Args:
        position: of the output, from which it is read.
        known: the ordinal up to which outcomes stand before that position.
    """
    through = known
    reader = LogReader(output, _TOPICS, position)
    while records := reader.read(_RECORDS_AT_ONCE):
        for record in records:
            for name, value in record.headers:
                if name == THROUGH_HEADER:
                    through = max(through, int(value))
    return through
