"""Events are read from Parquet, CSV and JSON Lines files with the same checks, and sorted in the order of scoring."""

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.schema.batch import Batch, joined
from features.schema.decode import Decoder
from features.schema.event import ADD, Event
from features.schema.schema import LAST_TIME_MS, Schema
from foundation.refusal import Refusal
from pipeline.engine.event_keys import Labels, Recorded, RecordedBatch
from pipeline.tables.label_column import LabelColumn
from pipeline.tables.lines import read_lines
from pipeline.tables.refused import RefusedRows
from pipeline.tables.table_events import TableEvents
from pipeline.tables.table_file import TableFile

TABLES = (".parquet", ".csv")
LINES = (".jsonl", ".ndjson", ".json")
_LINES_A_BATCH = 65_536


@dataclass(slots=True)
class History:
    """The content of the files, in the order of scoring.

    Args:
        batch: the events that were accepted.
        labels: labels of a label column; ``None`` without one.
        refused: each refused event and label, with its file and row.
    """

    batch: Batch
    labels: Labels | None = None
    refused: RefusedRows = field(default_factory=RefusedRows)

    def recorded(self) -> Recorded:
        """Returns the events by their keys, which costs about 0.1 µs an event."""
        return RecordedBatch(self.batch)


def read_history(
    paths: Sequence[pathlib.Path], schema: Schema, order: str = "time", label_column: str = "", label_delay_ms: int = 0
) -> History:
    """Reads and merges `paths`: sorted by (event time, id) for the order ``time``, in the order of the files for ``arrival``.

    Each row passes the checks of a live event. Only the limit of how far an event may be ahead of its arrival is replaced by the year 9999.
    A correction or retraction is sorted by the newest event time before it in its file; in the live system it is that of its partition.

    Args:
        label_column: name of a column that is taken off the events; a value that is not null becomes a label, except in corrections.
        label_delay_ms: time from an event to the moment from which on its label is known.

    Raises:
        Refusal: a file is missing or cannot be read, is of no known format, or lacks a column that the schema requires or `label_column`.
    """
    refused = RefusedRows()
    column = LabelColumn(label_column, refused) if label_column else None
    parts: list[Batch] = []
    marks: list[NDArray[np.float64]] = []
    turns: list[NDArray[np.int64]] = []
    for path in paths:
        read = _read_table if is_table(path) else _read_lines
        batch, mark = read(path, schema, column, refused)
        parts.append(batch)
        marks.append(mark)
        turns.append(turns_of(batch))
    batch, mark = joined(parts), np.concatenate(marks)
    if order == "time":
        place = total_order(batch, np.concatenate(turns), schema)
        batch, mark = batch.take(place), mark[place]
    return History(batch, _labels_in(batch, mark, label_delay_ms) if column else None, refused)


def is_table(path: pathlib.Path) -> bool:
    """Whether `path` is a file with columns; False for JSON Lines.

    Raises:
        Refusal: there is no such file, or it is of no known format.
    """
    if not path.is_file():
        raise Refusal("no such file", where=str(path), expected="a Parquet, CSV or JSON Lines file", got="nothing")
    if path.suffix not in TABLES + LINES:
        raise Refusal("unknown format", where=str(path), expected=", ".join(TABLES + LINES), got=path.suffix or "a name without an ending")
    return path.suffix in TABLES


def turns_of(batch: Batch) -> NDArray[np.int64]:
    """Gives the time that each event of one file is sorted by: its own event time, or for a correction the newest one up to its row."""
    if not len(batch):
        return batch.times_ms
    return np.where(batch.ops == ADD, batch.times_ms, np.maximum.accumulate(batch.times_ms))


def _labels_in(batch: Batch, marks: NDArray[np.float64], delay_ms: int) -> Labels:
    added = np.flatnonzero((batch.ops == ADD) & ~np.isnan(marks))
    by_time = added[np.argsort(batch.times_ms[added], kind="stable")]
    users: list[str | None] = [batch.users[row] for row in by_time.tolist()]
    return Labels(batch.id_keys[by_time], marks[by_time].astype(np.int8), batch.times_ms[by_time] + delay_ms, users)


def _read_table(path: pathlib.Path, schema: Schema, column: LabelColumn | None, refused: RefusedRows) -> tuple[Batch, NDArray[np.float64]]:
    events = TableEvents(schema, refused)
    file = TableFile(path, [*events.names, *([column.name] if column else [])])
    if column and column.name not in file.names:
        raise column.absent(str(path), ", ".join(file.header))
    batches: list[Batch] = [Batch.of([], schema)]
    marks: list[NDArray[np.float64]] = [np.empty(0)]
    for batch, chunk, places in events.read(file):
        batches.append(batch)
        marks.append(column.of_chunk(chunk, places, str(path)) if column else np.zeros(len(batch)))
    return joined(batches), np.concatenate(marks)


def _read_lines(path: pathlib.Path, schema: Schema, column: LabelColumn | None, refused: RefusedRows) -> tuple[Batch, NDArray[np.float64]]:
    decoder = Decoder(schema)
    latest_ms = LAST_TIME_MS - schema.max_ahead_ms
    batches: list[Batch] = []
    events: list[Event] = []
    marks: list[float] = []
    labelled = False
    for number, line in read_lines(path):
        try:
            events.append(decoder.decode(line, latest_ms))
        except Refusal as refusal:
            refused.add(str(path), number, refusal, line)
            continue
        if column:
            mark, has = column.of_line(line, str(path), number)
            marks.append(mark)
            labelled = labelled or has
        if len(events) == _LINES_A_BATCH:
            batches.append(Batch.of(events, schema))
            events = []
    batch = joined([*batches, Batch.of(events, schema)])
    if column and len(batch) and not labelled:
        raise column.absent(str(path), "events without it")
    return batch, np.array(marks) if column else np.zeros(len(batch))


def total_order(batch: Batch, turns_ms: NDArray[np.int64], schema: Schema) -> NDArray[np.int64]:
    """Gives the rows of `batch` sorted by (turn, id, primary entity); an event that is repeated stays behind the first one."""
    if schema.id_type == "integer":
        return _by_user_in_ties(np.lexsort((batch.id_keys, turns_ms)), batch, turns_ms)
    texts = np.array([text.encode() for text in batch.ids], dtype=object)
    by_id: NDArray[np.int64] = np.argsort(texts, kind="stable")
    return _by_user_in_ties(by_id[np.argsort(turns_ms[by_id], kind="stable")], batch, turns_ms)


def _by_user_in_ties(order: NDArray[np.int64], batch: Batch, turns_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorts rows with the same turn and id by their primary entities, which are compared only for these few rows."""
    ids, turns = batch.id_keys[order], turns_ms[order]
    is_tied = (ids[1:] == ids[:-1]) & (turns[1:] == turns[:-1])
    tied = np.flatnonzero(np.append(is_tied, False) | np.append(False, is_tied))
    if len(tied):
        ties = np.cumsum(~np.append(False, is_tied))[tied].tolist()
        rows = order[tied].tolist()
        by_user = sorted(range(len(rows)), key=lambda at: (ties[at], batch.users[rows[at]].encode()))
        order[tied] = [rows[at] for at in by_user]
    return order
