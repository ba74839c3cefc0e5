"""All records of a topic are read here: first those in the archive, then those in Kafka that the archive lacks."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from foundation.settings import Settings
from pipeline.control.progress import Progress
from pipeline.control.topic_values import Records, records_of
from pipeline.sinks.archive_access import read_archive
from stores.archive.archive_rows import Kind

_MIX = np.uint64(0x9E3779B97F4A7C15)


class Places:
    """A set of records, each identified by partition, offset and the broker's time; it takes 8 bytes a record.

    The time is needed because a topic that is deleted and made again begins at offset 0.
    """

    def __init__(self) -> None:
        self._added: dict[int, list[NDArray[np.uint64]]] = defaultdict(list)
        self._sorted: dict[int, NDArray[np.uint64]] = {}

    def add(self, partitions: NDArray[np.int64], offsets: NDArray[np.int64], at_ms: NDArray[np.int64]) -> None:
        """Adds records to the set; call it only before the first `has`."""
        words = _words(offsets, at_ms)
        for partition in np.unique(partitions).tolist():
            self._added[partition].append(words[partitions == partition])

    def has(self, records: Records) -> NDArray[np.bool_]:
        """Gives a mask of those `records` that are in the set."""
        if records.partition not in self._sorted:
            added = self._added.pop(records.partition, [])
            self._sorted[records.partition] = np.sort(np.concatenate(added)) if added else np.empty(0, np.uint64)
        known, words = self._sorted[records.partition], _words(np.array(records.offsets), np.array(records.at_ms))
        if not len(known):
            return np.zeros(len(words), np.bool_)
        return np.asarray(known[np.minimum(np.searchsorted(known, words), len(known) - 1)] == words)


def recorded_values(
    settings: Settings,
    kind: Kind,
    from_ms: int | None = None,
    to_ms: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Iterator[list[bytes]]:
    """Reads the values of a topic: first those in the archive with times in [from_ms, to_ms), then all others that Kafka still has.

    The times are those of `archive_rows.time_column`.

    Args:
        progress: is called with the records of Kafka that are done, and their number in all.

    Raises:
        Refusal: the archive or the broker does not answer, or there is no such topic.
    """
    places = Places()
    for table in read_archive(settings, kind, from_ms, to_ms, ("partition", "offset", "at", "value")):
        places.add(*(table[name].cast(pa.int64()).to_numpy() for name in ("partition", "offset", "at")))
        yield table["value"].to_pylist()
    for records in records_of(settings, kind, progress):
        known = places.has(records)
        yield [value for value, is_known in zip(records.values, known.tolist(), strict=True) if not is_known]


def _words(offsets: NDArray[np.int64], at_ms: NDArray[np.int64]) -> NDArray[np.uint64]:
    return offsets.astype(np.uint64) * _MIX + at_ms.astype(np.uint64)
