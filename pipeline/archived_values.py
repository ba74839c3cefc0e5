"""Values of archived records, and which records of a topic they make it needless to read."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.archive_access import read_archive
from pipeline.settings import Settings
from stores.archive_rows import Kind

OVERLAP = 200_000
"""Records of a partition before its last archived one among which some may not be archived yet: files of one checkpoint appear
one after the other, and when the job that writes them ends in between, some appear only when it is back."""


class ArchivedValues:
    """Iterates over values in the archive's order, some thousands at a time. The rest is known after the iteration.

    Args:
        settings: where the archive is.
        kind: of records.
        from_ms, to_ms: their times, the end left out; None where there is no bound.
    """

    def __init__(self, settings: Settings, kind: Kind, from_ms: int | None = None, to_ms: int | None = None) -> None:
        self._settings = settings
        self._kind = kind
        self._from_ms = from_ms
        self._to_ms = to_ms
        self._newest: dict[int, NDArray[np.int64]] = {}
        self._held: dict[int, set[int]] = {}

    def __iter__(self) -> Iterator[list[bytes]]:
        for table in read_archive(self._settings, self._kind, self._from_ms, self._to_ms, ("partition", "offset", "value")):
            self._note(table)
            yield table["value"].to_pylist()
        self._held = {partition: set(offsets.tolist()) for partition, offsets in self._newest.items()}

    def start(self, partition: int, end: int) -> int:
        """The first offset of a partition that ends at `end` of which not all before it are archived; 0 where none is.

        A partition that ends before its archive does is another one than was archived, and is read whole.
        """
        held = self._held.get(partition)
        if not held or max(held) >= end:
            self._held.pop(partition, None)
            return 0
        return max(max(held) + 1 - OVERLAP, 0)

    def holds(self, partition: int, offset: int) -> bool:
        """Whether the record has been given out; of those from `start` on."""
        return offset in self._held.get(partition, ())

    def _note(self, table: pa.Table) -> None:
        partitions, offsets = table["partition"].to_numpy(), table["offset"].to_numpy()
        for partition in np.unique(partitions).tolist():
            known = np.concatenate([self._newest.get(partition, np.empty(0, np.int64)), offsets[partitions == partition]])
            self._newest[partition] = known[known > known.max() - OVERLAP]
