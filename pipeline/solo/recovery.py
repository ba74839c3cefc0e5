"""What a start reads from the input of the engine before it takes anything new."""

from collections.abc import Iterator, Sequence

from pipeline.log.frame import LogRecord
from pipeline.log.reader import LogReader
from pipeline.log.segments import Segments
from pipeline.log.writer import CARRIED_HEADER
from pipeline.solo.stages import CONTROL_TOPICS

_RECORDS_AT_ONCE = 1_000


class Carried:
    """What stood before the oldest record of the input and was appended again, for a start whose state does not know it either.

    Args:
        input: the log of all that came.
        start: the ordinal that the state knows the input up to.
    """

    def __init__(self, input: Segments, start: int) -> None:
        self.control: list[LogRecord] = []
        self.facts: list[LogRecord] = []
        self.entries: list[LogRecord] = []
        oldest = input.all[0].first
        if start < oldest:
            self._read(LogReader(input, ("control", "facts", "entries")), oldest)

    def _read(self, reader: LogReader, oldest: int) -> None:
        of_topic = {"control": self.control, "facts": self.facts, "entries": self.entries}
        while records := reader.read(_RECORDS_AT_ONCE):
            for record in records:
                if any(name == CARRIED_HEADER and int(value) < oldest for name, value in record.headers):
                    of_topic[record.topic].append(record)


def control_before(input: Segments, start: int) -> Iterator[list[LogRecord]]:
    """Yields the control records before the ordinal `start`, in their order: no state holds what follows from them."""
    reader = LogReader(input, CONTROL_TOPICS, 0)
    while records := [record for record in reader.read(_RECORDS_AT_ONCE) if record.ordinal < start]:
        yield records


def split_at(records: Sequence[LogRecord], ordinal: int) -> list[list[LogRecord]]:
    """Returns the records before `ordinal` and those from it on, each where there are any."""
    parts = [record for record in records if record.ordinal < ordinal], [record for record in records if record.ordinal >= ordinal]
    return [part for part in parts if part]
