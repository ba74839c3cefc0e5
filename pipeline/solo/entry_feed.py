"""The entries of lists for the stage that decides, from the system's own log."""

from collections.abc import Sequence

from patterns.entries import Change, read_record
from pipeline.log.reader import LogReader

RECORDS_AT_ONCE = 10_000


class LogEntryFeed:
    """Gives the records of the topic ``entries`` as they stand in the log when it is asked.

    Args:
        reader: of that topic alone, from its beginning.
    """

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader

    def start(self) -> None:
        """Does nothing: `take` reads to the end of the log."""

    def take(self) -> Sequence[Change]:
        """Returns the changes that stand behind those of the last call."""
        changes: list[Change] = []
        while records := self._reader.read(RECORDS_AT_ONCE):
            found = (read_record(record.key, record.value, record.ordinal).change for record in records)
            changes += [change for change in found if change is not None]
        return changes
