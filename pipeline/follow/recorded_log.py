"""What was recorded of a system with one log: all that its stages took in, in the order in which they did, and its decisions."""

from dataclasses import dataclass

import pyarrow as pa

from pipeline.log.frame import LogRecord
from stores.archive.archive_files import FileArchive
from stores.archive.archive_rows import CHANGES, Kind

TAKEN_IN: tuple[Kind, ...] = ("events", "labels-resolved", *CHANGES)
_COLUMNS = ("offset", "at", "key", "value")


@dataclass(frozen=True, slots=True)
class RecordedLog:
    """Holds a run in memory.

    Args:
        records: of `TAKEN_IN`, by their places in the log.
        decisions: the values of the first decisions on all events and revisions.
    """

    records: list[LogRecord]
    decisions: list[bytes]


def read_log(archive: FileArchive) -> RecordedLog:
    """Reads all of an archive.

    Raises:
        StoreUnavailableError: the archive does not answer.
        Refusal: a file does not belong to the archive.
    """
    records = [record for kind in TAKEN_IN for record in _records(archive, kind)]
    decisions = [value for table in archive.read("decisions", columns=("value",)) for value in table["value"].to_pylist()]
    return RecordedLog(sorted(records, key=lambda record: record.ordinal), decisions)


def _records(archive: FileArchive, kind: Kind) -> list[LogRecord]:
    found = []
    for table in archive.read(kind, columns=_COLUMNS):
        columns = [table[name].cast(pa.int64()).to_pylist() if name == "at" else table[name].to_pylist() for name in _COLUMNS]
        found += [
            LogRecord(offset, at_ms, kind, key, value if value or kind == "events" else None, ())
            for offset, at_ms, key, value in zip(*columns, strict=True)
        ]
    return found
