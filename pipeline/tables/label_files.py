"""Labels are read from Parquet, CSV and JSON Lines files with the checks of a live label."""

import pathlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.schema.event import id_key_of
from features.schema.schema import Schema
from foundation.refusal import Refusal
from pipeline.engine.event_keys import NO_EVENT, Labels, Recorded, rows_of_labels
from pipeline.engine.label_times import early_label
from pipeline.learning.read_label import read_label
from pipeline.tables.cells import FLOAT, INTEGER, KEY, TEXT, Wanted
from pipeline.tables.event_files import History, is_table
from pipeline.tables.json_rows import RowsAsJson
from pipeline.tables.lines import read_lines
from pipeline.tables.refused import RefusedRows
from pipeline.tables.table_file import Chunk, TableFile

_WANTED = [Wanted("event_id", KEY, True), Wanted("label", INTEGER, True), Wanted("label_time", INTEGER, True), Wanted("user", KEY, False)]
_WANTED += [Wanted("source", TEXT, False), Wanted("weight", FLOAT, False)]
_IDS_64_BITS = 1 << 63


def read_labels(path: pathlib.Path, schema: Schema, refused: RefusedRows) -> Labels:
    """Reads the columns ``event_id``, ``label``, ``label_time`` and, where they exist, ``user``, ``source`` and ``weight``.

    Rows that are no labels go to `refused`.

    Raises:
        Refusal: the file is missing or cannot be read, is of no known format, or lacks one of the columns.
    """
    found: list[tuple[int, int, int, int]] = []
    users: list[str | None] = []
    told: list[tuple[int, float]] = []
    for row, value in _table_rows(path, schema, refused) if is_table(path) else read_lines(path):
        try:
            label = read_label(value, schema.min_time_ms, schema.label_sources)
            found.append((label_key_of(label.event.event_id, schema), label.label, label.time_ms, row))
            users.append(label.event.user)
            told.append((schema.label_sources.rank(label.source), label.weight))
        except Refusal as refusal:
            refused.add(str(path), row, refusal, value)
    keys, labels, times_ms, rows = np.array(found, np.int64).reshape(-1, 4).T
    by_time = np.argsort(times_ms, kind="stable")
    users = [users[row] for row in by_time.tolist()]
    ranks, weights = np.array(told, np.float64).reshape(-1, 2)[by_time].T
    own = (keys[by_time], labels.astype(np.int8)[by_time], times_ms[by_time], users, rows[by_time])
    return Labels(*own, str(path), ranks=ranks.astype(np.int8), weights=weights)


def labels_for(history: History, path: pathlib.Path | None, schema: Schema) -> Labels | None:
    """Gives the labels in `path` of events in `history`, or without `path` those of its label column, if any.

    Refused labels are added to the refused rows of `history`.

    Raises:
        Refusal: `read_labels` refuses the file.
    """
    if path is None:
        return history.labels
    return fitted(read_labels(path, schema, history.refused), history.recorded(), history.refused)


def fitted(labels: Labels, recorded: Recorded, refused: RefusedRows) -> Labels:
    """Keeps the labels of events in `recorded`; refuses labels earlier than their events, and only counts labels of unknown events."""
    events = rows_of_labels(recorded, labels) if len(recorded) else np.full(len(labels.labels), NO_EVENT)
    early = (events >= 0) & (labels.times_ms < recorded.times_ms[np.maximum(events, 0)]) if len(recorded) else events >= 0
    for place in np.flatnonzero(early).tolist():
        refusal = early_label(int(labels.times_ms[place]), int(recorded.times_ms[events[place]]))
        refused.add(labels.source, int(labels.rows[place]), refusal, recorded.take(events[[place]]).ids[0].encode())
    kept = np.flatnonzero((events != NO_EVENT) & ~early)
    return Labels(
        labels.id_keys[kept],
        labels.labels[kept],
        labels.times_ms[kept],
        None if labels.users is None else [labels.users[place] for place in kept.tolist()],
        labels.rows[kept],
        labels.source,
        labels.unknown + int((events == NO_EVENT).sum()),
        labels.ranks[kept],
        labels.weights[kept],
    )


def label_key_of(event_id: str, schema: Schema) -> int:
    """Gives the key of the event that a label is about.

    Raises:
        Refusal: the schema declares integer ids, and this id is no integer of 64 bits.
    """
    integer = schema.id_type == "integer"
    try:
        key = id_key_of(event_id, integer)
    except ValueError:
        key = _IDS_64_BITS
    if not -_IDS_64_BITS <= key < _IDS_64_BITS:
        raise Refusal("bad id", where="event_id", expected="a whole number of 64 bits, as the schema says", got=event_id)
    return key


def _table_rows(path: pathlib.Path, schema: Schema, refused: RefusedRows) -> Iterator[tuple[int, bytes]]:
    """Gives the number of each row, from 1, and its JSON."""
    file = TableFile(path, [each.name for each in _WANTED])
    absent = [each.name for each in _WANTED if each.required and each.name not in file.names]
    if absent:
        raise Refusal("missing column", where=str(path), expected=", ".join(absent), got=", ".join(file.header))
    unit = "rfc3339" if schema.time_unit == "rfc3339" else "ms"
    for chunk in file.chunks(refused):
        rows = RowsAsJson(_with_numbers(chunk), _WANTED, _all(chunk), {"label_time": unit})
        for at, row in enumerate(chunk.rows.tolist()):
            try:
                yield row, rows.at(at)
            except Refusal as refusal:
                refused.add(str(path), row, refusal, rows.plain(at))


def _all(chunk: Chunk) -> NDArray[np.int64]:
    return np.arange(len(chunk.rows))


def _with_numbers(chunk: Chunk) -> Chunk:
    """Turns labels that are booleans into 0 and 1, as they are in JSON."""
    label = chunk.columns["label"]
    if pa.types.is_boolean(label.type):
        chunk.columns["label"] = pc.cast(label, pa.int8())
    return chunk
