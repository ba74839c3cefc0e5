"""Events and labels read from files: Parquet and CSV as columns, JSON Lines through the decoder."""

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from features.batch import Batch, order_keys
from features.decode import Decoder
from features.event import Event, id_key_of
from features.refusal import Refusal
from features.schema import Schema

_UNIT_PER_MS = {"ms": 1.0, "s": 1e-3, "us": 1e3}


@dataclass(slots=True)
class Labels:
    """Labels in order of their time.

    Args:
        id_keys: of the labelled events.
        labels: 0 or 1.
        times_ms: from when on each is known.
    """

    id_keys: NDArray[np.int64]
    labels: NDArray[np.int8]
    times_ms: NDArray[np.int64]


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
    refused: list[tuple[str, int, Refusal]] = field(default_factory=list)


def read_history(
    paths: Sequence[pathlib.Path], schema: Schema, order: str = "time", label_column: str = "", label_delay_ms: int = 0
) -> History:
    """Reads and merges `paths`: in the total order (event time, id) for ``time``, as they stand for ``arrival``.

    A `label_column` is cut off the events and becomes labels known `label_delay_ms` after each event.

    Raises:
        Refusal: a file is missing, is of no known format, or lacks a column that the schema requires.
    """
    parts: list[Batch] = []
    marks: list[NDArray[np.int8]] = []
    refused: list[tuple[str, int, Refusal]] = []
    for path in paths:
        table = _read_table(path)
        if table is None:
            parts.append(_decode_lines(path, schema, refused))
            marks.append(np.zeros(len(parts[-1]), np.int8))
            continue
        if label_column and label_column not in table.column_names:
            raise Refusal("missing label column", where=str(path), expected=label_column, got=", ".join(table.column_names))
        mark = _numbers(table, label_column).astype(np.int8) if label_column else np.zeros(len(table), np.int8)
        batch, good = batch_of_table(table, schema, str(path), refused)
        parts.append(batch)
        marks.append(mark[good])
    batch, mark = _joined(parts), np.concatenate(marks)
    if order == "time":
        place = _total_order(batch, schema)
        batch, mark = batch.take(place), mark[place]
    labels = None
    if label_column:
        by_time = np.argsort(batch.times_ms, kind="stable")
        labels = Labels(batch.id_keys[by_time], mark[by_time], batch.times_ms[by_time] + label_delay_ms)
    return History(batch, labels, refused)


def read_labels(path: pathlib.Path, schema: Schema) -> Labels:
    """Reads ``event_id, label, label_time`` from Parquet, CSV or JSON Lines.

    Raises:
        Refusal: a column is missing or a label is not 0 or 1.
    """
    table = _read_table(path)
    if table is None:
        import pyarrow.json

        table = pyarrow.json.read_json(path)
    for name in ("event_id", "label", "label_time"):
        if name not in table.column_names:
            raise Refusal("missing column", where=str(path), expected=name, got=", ".join(table.column_names))
    labels = _numbers(table, "label")
    if not np.isin(labels, (0, 1)).all():
        raise Refusal("unknown label", where=str(path), expected="0 or 1", got=labels[~np.isin(labels, (0, 1))][0])
    times_ms = _times(table["label_time"], "ms")
    keys = _id_keys(table["event_id"], schema)[0]
    by_time = np.argsort(times_ms, kind="stable")
    return Labels(keys[by_time], labels.astype(np.int8)[by_time], times_ms[by_time])


def batch_of_table(
    table: pa.Table, schema: Schema, source: str, refused: list[tuple[str, int, Refusal]]
) -> tuple[Batch, NDArray[np.int64]]:
    """The good rows of `table` as a batch, and their numbers; bad rows are added to `refused`, each with its first reason."""
    needed = [schema.id_field, schema.time_field, schema.user, *schema.columns]
    absent = [name for name in needed if name not in table.column_names and _required(schema, name)]
    if absent:
        raise Refusal("missing columns", where=source, expected=", ".join(absent), got=", ".join(table.column_names))
    bad = np.zeros(len(table), np.bool_)
    numbers = np.full((len(table), len(schema.columns)), np.nan)
    for column, name in enumerate(schema.columns):
        if name in table.column_names:
            numbers[:, column] = _scaled(_numbers(table, name), float(schema.scales[column]))
            unusable = ~np.isfinite(numbers[:, column])
            if _required(schema, name) and unusable.any():
                _refuse_rows(unusable & ~bad, table[name], name, "a finite number", source, refused)
                bad |= unusable
    for name in (schema.id_field, schema.time_field, schema.user):
        empty = table[name].is_null().to_numpy()
        _refuse_rows(empty & ~bad, table[name], name, "a value", source, refused)
        bad |= empty
    good = np.flatnonzero(~bad)
    kept = table.take(pa.array(good)) if bad.any() else table
    id_keys, orders, ids = _id_keys(kept[schema.id_field], schema)
    entities = {kind: _texts(kept[kind]) if kind in kept.column_names else [""] * len(kept) for kind in schema.entities}
    times_ms = _times(kept[schema.time_field], schema.time_unit)
    batch = Batch(ids, id_keys, orders, times_ms, _texts(kept[schema.user]), entities, numbers[good], id_keys)
    return batch, good


def _required(schema: Schema, name: str) -> bool:
    return all(field.required for field in schema.fields if field.name == name)


def _refuse_rows(
    rows: NDArray[np.bool_], column: pa.ChunkedArray, name: str, expected: str, source: str, refused: list[tuple[str, int, Refusal]]
) -> None:
    for row in np.flatnonzero(rows).tolist():
        refused.append((source, row + 1, Refusal("bad value", where=name, expected=expected, got=column[row].as_py())))


def _read_table(path: pathlib.Path) -> pa.Table | None:
    """The file's columns; ``None`` for JSON Lines."""
    if not path.exists():
        raise Refusal("no such file", where=str(path), expected="a Parquet, CSV or JSON Lines file", got="nothing")
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path)
    if path.suffix == ".csv":
        return pyarrow.csv.read_csv(path)
    if path.suffix in (".jsonl", ".ndjson", ".json"):
        return None
    raise Refusal("unknown format", where=str(path), expected=".parquet, .csv, .jsonl, .ndjson or .json", got=path.suffix)


def _decode_lines(path: pathlib.Path, schema: Schema, refused: list[tuple[str, int, Refusal]]) -> Batch:
    decoder = Decoder(schema)
    events: list[Event] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                events.append(decoder.decode(line.rstrip(b"\r\n"), 2**62))
            except Refusal as refusal:
                refused.append((str(path), number, refusal))
    return Batch.of(events, schema)


def _scaled(values: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    return values if scale == 1.0 else np.rint(values * scale)


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = pc.cast(table[name], pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _texts(column: pa.ChunkedArray) -> list[str]:
    texts: list[str] = pc.fill_null(pc.cast(column, pa.string()), "").to_pylist()
    return texts


def _times(column: pa.ChunkedArray, unit: str) -> NDArray[np.int64]:
    if pa.types.is_timestamp(column.type):
        stamps = np.asarray(pc.cast(column, pa.timestamp("ms"), safe=False).to_numpy()).astype("datetime64[ms]")
        return _whole(stamps)
    if pa.types.is_string(column.type):
        # Any fraction of a second, as the decoder takes it; a cast to ms refuses a finer one.
        return _times(pc.cast(column, pa.timestamp("ns", tz="UTC")), unit)
    moments = np.floor(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False) / _UNIT_PER_MS[unit])
    return _whole(moments)


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    whole: NDArray[np.int64] = values.astype(np.int64)
    return whole


def _id_keys(column: pa.ChunkedArray, schema: Schema) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Identity, place among equal times, and text of each id."""
    ids = _texts(column)
    if schema.id_type == "integer":
        keys = pc.cast(column, pa.int64()).to_numpy(zero_copy_only=False).astype(np.int64)
        return keys, keys, ids
    keys = np.fromiter((id_key_of(text, integer=False) for text in ids), np.int64, len(ids))
    return keys, order_keys([text.encode() for text in ids]), ids


def _total_order(batch: Batch, schema: Schema) -> NDArray[np.int64]:
    if schema.id_type == "integer":
        order: NDArray[np.int64] = np.lexsort((batch.id_keys, batch.times_ms))
        return order
    texts = np.array([text.encode() for text in batch.ids], dtype=object)
    by_id: NDArray[np.int64] = np.argsort(texts, kind="stable")
    return by_id[np.argsort(batch.times_ms[by_id], kind="stable")]


def _joined(parts: list[Batch]) -> Batch:
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
    )
