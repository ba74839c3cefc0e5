"""Parquet and CSV as columns of events."""

import pathlib
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from features.batch import Batch, Int8s, order_keys
from features.event import OPERATIONS, id_key_of
from features.refusal import Refusal
from features.schema import OPERATION, Schema

Refused = list[tuple[str, int, Refusal]]
"""(file, row from 1, refusal) of each bad event."""

_UNIT_PER_MS = {"ms": 1.0, "s": 1e-3, "us": 1e3}


def read_table(path: pathlib.Path, schema: Schema) -> pa.Table | None:
    """The file's columns; ``None`` for JSON Lines.

    In CSV the columns that `schema` calls texts are read as they stand, and an empty one is missing.

    Raises:
        Refusal: no file, or of no known format.
    """
    if not path.exists():
        raise Refusal("no such file", where=str(path), expected="a Parquet, CSV or JSON Lines file", got="nothing")
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path)
    if path.suffix == ".csv":
        return _read_csv(path, schema)
    if path.suffix in (".jsonl", ".ndjson", ".json"):
        return None
    raise Refusal("unknown format", where=str(path), expected=".parquet, .csv, .jsonl, .ndjson or .json", got=path.suffix)


def batch_of_table(table: pa.Table, schema: Schema, source: str, refused: Refused) -> tuple[Batch, NDArray[np.int64]]:
    """The good rows of `table` as a batch, and their numbers; bad rows are added to `refused`, each with its first reason.

    Without a column ``op`` a repeated id is the same event; with one its contents decide, as they do for JSON.

    Raises:
        Refusal: a column that the schema requires is missing.
    """
    needed = [schema.id_field, schema.time_field, schema.user, *schema.columns, *schema.texts]
    absent = [name for name in needed if name not in table.column_names and _required(schema, name)]
    if absent:
        raise Refusal("missing columns", where=source, expected=", ".join(absent), got=", ".join(table.column_names))
    numbers = _all_numbers(table, schema)
    ops = _operations(table)
    bad = np.zeros(len(table), np.bool_)

    def refuse(rows: NDArray[np.bool_], name: str, expected: str) -> None:
        for row in np.flatnonzero(rows & ~bad).tolist():
            refused.append((source, row + 1, Refusal("bad value", where=name, expected=expected, got=table[name][row].as_py())))
        np.logical_or(bad, rows, out=bad)

    for column, name in enumerate(schema.columns):
        if name in table.column_names and _required(schema, name):
            refuse(~np.isfinite(numbers[:, column]), name, "a finite number")
    for name in (schema.id_field, schema.time_field, schema.user, *(name for name in schema.texts if _required(schema, name))):
        refuse(table[name].is_null().to_numpy(), name, "a value")
    if OPERATION in table.column_names:
        refuse(ops < 0, OPERATION, "one of " + ", ".join(OPERATIONS))
    good = np.flatnonzero(~bad)
    kept = table.take(pa.array(good)) if bad.any() else table
    return _batch_of(kept, schema, numbers[good], ops[good]), good


def numbers_of(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column as float64; NaN where missing."""
    values: NDArray[np.float64] = pc.cast(table[name], pa.float64()).to_numpy(zero_copy_only=False)
    return values


def times_of(column: pa.ChunkedArray, unit: str) -> NDArray[np.int64]:
    """Milliseconds since the epoch, of timestamps, of texts in RFC 3339, or of numbers of `unit`."""
    if pa.types.is_timestamp(column.type):
        stamps = np.asarray(pc.cast(column, pa.timestamp("ms"), safe=False).to_numpy()).astype("datetime64[ms]")
        return _whole(stamps)
    if pa.types.is_string(column.type):
        # Any fraction of a second, as the decoder takes it; a cast to ms refuses a finer one.
        return times_of(pc.cast(column, pa.timestamp("ns", tz="UTC")), unit)
    moments = np.floor(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False) / _UNIT_PER_MS[unit])
    return _whole(moments)


def id_keys_of(column: pa.ChunkedArray, schema: Schema) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Identity, place among equal times, and text of each id."""
    ids = _texts(column)
    if schema.id_type == "integer":
        keys = pc.cast(column, pa.int64()).to_numpy(zero_copy_only=False).astype(np.int64)
        return keys, keys, ids
    keys = np.fromiter((id_key_of(text, integer=False) for text in ids), np.int64, len(ids))
    return keys, order_keys([text.encode() for text in ids]), ids


def _read_csv(path: pathlib.Path, schema: Schema) -> pa.Table:
    texts = [schema.user, *schema.entities, *schema.texts, OPERATION]
    for name in ("event_id", schema.id_field) if schema.id_type == "string" else ():
        texts.append(name)
    # Left to guess, it would read the texts 007 and 5411 as numbers.
    table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(texts, pa.string())))
    for name in set(texts) & set(table.column_names):
        column = table[name]
        present = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        table = table.set_column(table.column_names.index(name), name, present)
    return table


def _batch_of(table: pa.Table, schema: Schema, numbers: NDArray[np.float64], ops: Int8s) -> Batch:
    id_keys, orders, ids = id_keys_of(table[schema.id_field], schema)
    given = table.column_names
    entities = {kind: _texts(table[kind]) if kind in given else [""] * len(table) for kind in schema.entities}
    times_ms = times_of(table[schema.time_field], schema.time_unit)
    texts = {name: _texts_or_none(table, name) for name in schema.texts}
    bodies = _body_keys(numbers, texts, ops) if OPERATION in given else id_keys
    return Batch(ids, id_keys, orders, times_ms, _texts(table[schema.user]), entities, numbers, bodies, texts, ops)


def _body_keys(numbers: NDArray[np.float64], texts: dict[str, list[str | None]], ops: Int8s) -> NDArray[np.int64]:
    """What tells the contents of events apart; about a microsecond each."""
    values = zip(*texts.values(), strict=True) if texts else [()] * len(ops)
    bodies = (zlib.crc32(repr((op, row.tobytes(), own)).encode()) for op, row, own in zip(ops.tolist(), numbers, values, strict=True))
    return np.fromiter(bodies, np.int64, len(ops))


def _all_numbers(table: pa.Table, schema: Schema) -> NDArray[np.float64]:
    numbers = np.full((len(table), len(schema.columns)), np.nan)
    for column, name in enumerate(schema.columns):
        if name in table.column_names:
            scale = float(schema.scales[column])
            values = numbers_of(table, name)
            numbers[:, column] = values if scale == 1.0 else np.rint(values * scale)
    return numbers


def _operations(table: pa.Table) -> Int8s:
    """The code of each row's operation; -1 where it is none."""
    if OPERATION not in table.column_names:
        return np.zeros(len(table), np.int8)
    names = pc.fill_null(pc.cast(table[OPERATION], pa.string()), "add").to_pylist()
    return np.fromiter((OPERATIONS.get(name, -1) for name in names), np.int8, len(names))


def _required(schema: Schema, name: str) -> bool:
    return all(field.required for field in schema.fields if field.name == name)


def _texts(column: pa.ChunkedArray) -> list[str]:
    texts: list[str] = pc.fill_null(pc.cast(column, pa.string()), "").to_pylist()
    return texts


def _texts_or_none(table: pa.Table, name: str) -> list[str | None]:
    found: list[str | None] = pc.cast(table[name], pa.string()).to_pylist() if name in table.column_names else [None] * len(table)
    return found


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    whole: NDArray[np.int64] = values.astype(np.int64)
    return whole
