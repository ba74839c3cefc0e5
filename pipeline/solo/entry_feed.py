"""The entries of lists for the stage that decides, from the system's own log."""

from collections.abc import Sequence

from patterns.entries import Change, read_record
from pipeline.log.frame import LogRecord
from pipeline.log.reader import LogReader

RECORDS_AT_ONCE = 10_000


class LogEntryFeed:
    """Gives the records of the topic ``entries`` in their place among the events, so that a log that is read again gives the same answers.

    Args:
        reader: of that topic alone, from its beginning.
        before: records that count before all others, wherever they stand.

    Attributes:
        until: the ordinal of the log up to which entries count, exclusive: that of the first event that is decided next.
    """

    def __init__(self, reader: LogReader, before: Sequence[LogRecord] = ()) -> None:
        self.until = 0
        self._before = list(before)
        self._reader = reader

    def start(self) -> None:
        """Does nothing: `take` reads up to `until`."""

    def take(self) -> Sequence[Change]:
        """Returns the changes that stand behind those of the last call and before `until`."""
        changes = [change for record in self._before if (change := _change_of(record)) is not None]
        self._before.clear()
        while self._reader.is_behind and (records := self._reader.read(RECORDS_AT_ONCE)):
            for record in records:
                if record.ordinal >= self.until:
                    self._reader.seek(record.ordinal)
                    return changes
                change = _change_of(record)
                if change is not None:
                    changes.append(change)
        return changes


def _change_of(record: LogRecord) -> Change | None:
    return read_record(record.key, record.value, record.ordinal).change
