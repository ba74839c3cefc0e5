"""Events and labels read from files: Parquet and CSV as columns, JSON Lines through the decoder."""

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.batch import Batch
from features.decode import Decoder
from features.event import ADD, Event
from features.refusal import Refusal
from features.schema import Schema
from pipeline.tables import Refused, batch_of_table, id_keys_of, numbers_of, read_table, times_of


@dataclass(slots=True)
class Labels:
    """Labels in order of their time.

    Args:
        id_keys: of the labelled events.
        labels: 0 or 1.
        times_ms: from when on each is known.
        users: whose event each is about; None where a label does not say, or none of them does.
    """

    id_keys: NDArray[np.int64]
    labels: NDArray[np.int8]
    times_ms: NDArray[np.int64]
    users: list[str | None] | None = None


@dataclass(slots=True)
class History:
    """What the files held, in the order it will be scored in.

    Args:
        batch: the good events.
        labels: from a label column; ``None`` without one.
        refused: (file, row from 1, refusal) of each bad event.
    """

    batch: Batch
    labels: Labels | None = None
    refused: Refused = field(default_factory=list)


def read_history(
    paths: Sequence[pathlib.Path], schema: Schema, order: str = "time", label_column: str = "", label_delay_ms: int = 0
) -> History:
    """Reads and merges `paths`: in the total order (event time, id) for ``time``, as they stand for ``arrival``.

    A correction or retraction has its turn at the newest event time that stands before it in its file, as it has in the live
    system at the newest one of its partition. A `label_column` is cut off the events and, where it is not null, becomes labels known
    `label_delay_ms` after each event; that of a correction counts for nothing.

    Raises:
        Refusal: a file is missing, is of no known format, lacks a column that the schema requires, or a label is not 0 or 1.
    """
    parts: list[Batch] = []
    marks: list[NDArray[np.float64]] = []
    refused: Refused = []
    for path in paths:
        table = read_table(path, schema)
        if table is None:
            batch, mark = _decode_lines(path, schema, label_column, refused)
            parts.append(batch)
            marks.append(mark)
            continue
        if label_column and label_column not in table.column_names:
            raise Refusal("missing label column", where=str(path), expected=label_column, got=", ".join(table.column_names))
        mark = numbers_of(table, label_column) if label_column else np.zeros(len(table))
        batch, good = batch_of_table(table, schema, str(path), refused)
        parts.append(batch)
        marks.append(mark[good])
    batch, mark = joined(parts), np.concatenate(marks)
    if order == "time":
        place = total_order(batch, np.concatenate([turns_of(part) for part in parts]), schema)
        batch, mark = batch.take(place), mark[place]
    return History(batch, _labels_in(batch, mark, label_delay_ms, label_column) if label_column else None, refused)


def read_labels(path: pathlib.Path, schema: Schema) -> Labels:
    """Reads ``event_id, label, label_time``, and ``user`` where there is one, from Parquet, CSV or JSON Lines.

    Raises:
        Refusal: a column is missing or a label is not 0 or 1.
    """
    table = read_table(path, schema)
    if table is None:
        import pyarrow.json

        table = pyarrow.json.read_json(path)
    for name in ("event_id", "label", "label_time"):
        if name not in table.column_names:
            raise Refusal("missing column", where=str(path), expected=name, got=", ".join(table.column_names))
    labels = numbers_of(table, "label")
    if not np.isin(labels, (0, 1)).all():
        raise Refusal("unknown label", where=str(path), expected="0 or 1", got=labels[~np.isin(labels, (0, 1))][0])
    times_ms = times_of(table["label_time"], "ms")
    keys = id_keys_of(table["event_id"], schema)[0]
    by_time = np.argsort(times_ms, kind="stable")
    users = table["user"].cast(pa.string()).take(by_time).to_pylist() if "user" in table.column_names else None
    return Labels(keys[by_time], labels.astype(np.int8)[by_time], times_ms[by_time], users)


def turns_of(batch: Batch) -> NDArray[np.int64]:
    """Event time at which each event of one file has its turn: its own, of a correction the newest up to it."""
    return np.where(batch.ops == ADD, batch.times_ms, np.maximum.accumulate(batch.times_ms))


def _labels_in(batch: Batch, marks: NDArray[np.float64], delay_ms: int, name: str) -> Labels:
    added = np.flatnonzero((batch.ops == ADD) & ~np.isnan(marks))
    by_time = added[np.argsort(batch.times_ms[added], kind="stable")]
    labels = marks[by_time]
    if not np.isin(labels, (0, 1)).all():
        raise Refusal("unknown label", where=name, expected="0, 1 or null", got=labels[~np.isin(labels, (0, 1))][0])
    users: list[str | None] = [batch.users[row] for row in by_time.tolist()]
    return Labels(batch.id_keys[by_time], labels.astype(np.int8), batch.times_ms[by_time] + delay_ms, users)


def _decode_lines(path: pathlib.Path, schema: Schema, label_column: str, refused: Refused) -> tuple[Batch, NDArray[np.float64]]:
    decoder = Decoder(schema)
    events: list[Event] = []
    marks: list[float] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                events.append(decoder.decode(line.rstrip(b"\r\n"), 2**62))
            except Refusal as refusal:
                refused.append((str(path), number, refusal))
                continue
            if label_column:
                marks.append(_mark_in(line, label_column, f"{path}:{number}"))
    return Batch.of(events, schema), np.array(marks) if label_column else np.zeros(len(events))


def _mark_in(line: bytes, name: str, where: str) -> float:
    """The label of an event in JSON; NaN where it has none or null."""
    value = msgspec.json.decode(line).get(name)
    if value is None:
        return float("nan")
    if not isinstance(value, int | float):
        raise Refusal("unknown label", where=f"{where}: {name}", expected="0, 1 or null", got=value)
    return float(value)


def total_order(batch: Batch, turns_ms: NDArray[np.int64], schema: Schema) -> NDArray[np.int64]:
    """The rows of `batch` by (turn, id)."""
    if schema.id_type == "integer":
        order: NDArray[np.int64] = np.lexsort((batch.id_keys, turns_ms))
        return order
    texts = np.array([text.encode() for text in batch.ids], dtype=object)
    by_id: NDArray[np.int64] = np.argsort(texts, kind="stable")
    return by_id[np.argsort(turns_ms[by_id], kind="stable")]


def joined(parts: list[Batch]) -> Batch:
    """Batches of one schema, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Batch(
        [id for part in parts for id in part.ids],
        np.concatenate([part.id_keys for part in parts]),
        np.concatenate([part.orders for part in parts]),
        np.concatenate([part.times_ms for part in parts]),
        [user for part in parts for user in part.users],
        {kind: [key for part in parts for key in part.entities[kind]] for kind in parts[0].entities},
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.body_keys for part in parts]),
        {name: [text for part in parts for text in part.texts[name]] for name in parts[0].texts},
        np.concatenate([part.ops for part in parts]),
    )
