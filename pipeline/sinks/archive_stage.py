"""The archive stage gathers records and emits them as whole Parquet files before each checkpoint."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import cast

from pipeline.engine.isolation import one_by_one
from pipeline.flink.state import BulkState
from pipeline.sinks.deduplication import FirstDecisions, FirstWins
from pipeline.wire.bodies import PlacedRecord, read_placed_record
from pipeline.wire.bundle import read_bundle
from pipeline.wire.declaration import Kind as BundleKind
from pipeline.wire.declaration import Tag
from pipeline.wire.frames import add_record
from stores.archive.archive_encoding import ArchivedDecision, day_of, decode_decision, encode_decisions, encode_records, folder_of
from stores.archive.archive_rows import CHANGES, STREAMS, ArchivedRecord, Kind

BYTES_MAX = 64 << 20
"""When the stage holds more bytes of records than this, it emits them before the checkpoint, in files of their own."""


Row = tuple[ArchivedRecord, ArchivedDecision | None]


class _Gathered:
    def __init__(self) -> None:
        self.rows: list[Row] = []


class Keep:
    """Gathers by day the records of topics as they came, and of decisions the first one of each event and revision.

    It holds no record past a checkpoint. Flink gives the files their names once the checkpoint is complete.

    Args:
        state: Flink's keyed state of the operator, keyed by partition.
        window: number of decisions of a partition that are remembered, see `FirstWins`.
        prefix: what the names of all topics begin with.
    """

    def __init__(self, state: BulkState, window: int, prefix: str) -> None:
        self.taken = FirstDecisions(decode_decision, FirstWins(state, window))
        self._prefix = prefix
        self._gathered: dict[tuple[Kind, str], _Gathered] = defaultdict(_Gathered)
        self._bytes = 0

    def process(self, data: bytes) -> bytes:
        """Takes in one micro-batch; returns files before a checkpoint and above `BYTES_MAX`, else ``b""``."""
        bundle = read_bundle(data)
        return self.checkpoint() if bundle.kind == BundleKind.BARRIER else self.take(map(read_placed_record, bundle.bodies))

    def take(self, records: Iterable[PlacedRecord]) -> bytes:
        """Takes in records; returns files above `BYTES_MAX`, else ``b""``."""
        for record in records:
            kind = cast(Kind, record.topic.removeprefix(self._prefix))
            row = ArchivedRecord(record.partition, record.offset, record.at_ms, record.key, record.value)
            if kind == "decisions":
                self.taken.take(record, partial(self._gather, row))
            else:
                self._gathered[kind, day_of(record.at_ms)].rows.append((row, None))
            self._bytes += len(record.value)
        return self._files() if self._bytes > BYTES_MAX else b""

    def checkpoint(self) -> bytes:
        """Returns files of all that was gathered, before a checkpoint."""
        self.taken.save()
        return self._files()

    def _gather(self, row: ArchivedRecord, decision: ArchivedDecision) -> None:
        self._gathered["decisions", day_of(decision.event_time)].rows.append((row, decision))

    def _files(self) -> bytes:
        frames: list[bytes] = []
        for (kind, day), gathered in self._gathered.items():
            for file in one_by_one(gathered.rows, partial(_file_of, kind), lambda: None, partial(self._set_aside, kind)):
                if file:
                    add_record(frames, Tag.FILE.byte, folder_of(kind, day).encode(), file)
        self._gathered.clear()
        self._bytes = 0
        return b"".join(frames)

    def _set_aside(self, kind: Kind, row: Row, error: Exception) -> bytes:
        self.taken.aside.put(f"{self._prefix}{kind}/{row[0].partition}", row[0].offset, error)
        return b""


def _file_of(kind: Kind, rows: Sequence[Row]) -> bytes:
    records = [record for record, _ in rows]
    if kind == "decisions":
        return encode_decisions(records, [decision for _, decision in rows if decision is not None])
    return encode_records(records)


def make_stage(state: BulkState, window: int, prefix: str) -> Keep:
    """Makes the stage with the arguments that the archive job gives."""
    return Keep(state, window, prefix)


TOPICS: tuple[Sequence[Kind], ...] = (*((kind,) for kind in STREAMS), CHANGES)
"""The short names of the topics that are archived, by source; changes share one, since each source costs CPU at rest."""
