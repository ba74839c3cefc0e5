"""Reads the rows of a chunk as events, column by column, and marks those for which the decoder would certainly give the same."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.schema.batch import Batch, order_keys
from features.schema.event import id_key_of
from features.schema.schema import OPERATION, Schema
from pipeline.tables.table_columns import Cells, Mask, cells_of, integers_of, keys_of, numbers_of, operations_of, texts_of, times_of
from pipeline.tables.table_file import Chunk


def certain_of(chunk: Chunk, schema: Schema) -> tuple[Batch, Mask]:
    """Returns the rows of `chunk` as events, and a mask of the rows for which the decoder would certainly give the same.

    Raises:
        pa.ArrowException, UnicodeDecodeError or OverflowError: one cell does not let its column be read.
    """
    size = len(chunk.rows)
    columns = {name: cells_of(column, chunk.as_text) for name, column in chunk.columns.items()}
    sure = np.ones(size, np.bool_)

    def take(found: tuple[Any, Mask]) -> Any:
        np.logical_and(sure, found[1], out=sure)
        return found[0]

    ids, id_keys, orders, has_id = _ids(columns[schema.id_field], schema)
    np.logical_and(sure, has_id, out=sure)
    numbers = np.full((size, len(schema.columns)), np.nan)
    given = [field for field in schema.fields if field.name in columns]
    for field in given:
        if field.is_number:
            numbers[:, schema.columns.index(field.name)] = take(numbers_of(columns[field.name], field))
    texts: dict[str, list[str | None]] = {name: [None] * size for name in schema.texts}
    for field in given:
        if not field.is_number:
            texts[field.name] = take(texts_of(columns[field.name]))
            if field.required:
                np.logical_and(sure, np.fromiter((text is not None for text in texts[field.name]), np.bool_, size), out=sure)
    batch = Batch(
        ids=ids,
        id_keys=id_keys,
        orders=orders,
        times_ms=take(times_of(columns[schema.time_field], schema)),
        users=take(keys_of(columns[schema.user], required=True)),
        entities={name: take(keys_of(columns[name], required=False)) if name in columns else [""] * size for name in schema.entities},
        numbers=numbers,
        body_keys=id_keys,
        texts=texts,
        ops=take(operations_of(columns[OPERATION])) if OPERATION in columns else np.zeros(size, np.int8),
    )
    return batch, sure


def _ids(cells: Cells, schema: Schema) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64], Mask]:
    """Returns the text of each id, its key, its place among events of equal times, and a mask of the ids that are certain."""
    if schema.id_type == "integer":
        keys, sure = integers_of(cells)
        return pa.array(keys).cast(pa.string()).to_pylist(), keys, keys, sure
    ids, sure = keys_of(cells, required=True)
    id_keys = np.fromiter((id_key_of(text, integer=False) for text in ids), np.int64, len(ids))
    return ids, id_keys, order_keys([text.encode() for text in ids]), sure
