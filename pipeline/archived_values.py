"""Values of archived records, and where each partition's archive ends."""

from collections.abc import Iterator

import numpy as np

from pipeline.archive_access import read_archive
from pipeline.settings import Settings
from stores.archive_encoding import Kind


class ArchivedValues:
    """Iterates over values in the archive's order, some thousands at a time.

    Args:
        settings: where the archive is.
        kind: of records.
        span_ms: their times, the end left out.
    """

    def __init__(self, settings: Settings, kind: Kind, span_ms: tuple[int, int]) -> None:
        self._settings = settings
        self._kind = kind
        self._span_ms = span_ms
        self.ends: dict[int, int] = {}
        """By partition, the offset behind the last record that has been read; whole after the iteration."""

    def __iter__(self) -> Iterator[list[bytes]]:
        for table in read_archive(self._settings, self._kind, self._span_ms, ("partition", "offset", "value")):
            partitions, offsets = table["partition"].to_numpy(), table["offset"].to_numpy()
            for partition in np.unique(partitions).tolist():
                end = int(offsets[partitions == partition].max()) + 1
                self.ends[partition] = max(self.ends.get(partition, 0), end)
            yield table["value"].to_pylist()
