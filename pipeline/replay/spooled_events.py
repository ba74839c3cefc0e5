"""Events that are too many for the memory wait on the disk, sorted by their numbers alone, and are read in batches.

In memory stay about 80 bytes of each event: its time, keys and place.
"""

import pathlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.schema.batch import Batch
from features.schema.schema import Schema
from foundation.number_arrays import Int8s, Int64s
from pipeline.engine.event_keys import Recorded, event_keys
from pipeline.replay.spool import Spool
from pipeline.tables.refused import RefusedRows

_KINDS = {"order": "orders", "body_key": "body_keys", "op": "ops", "id_key": "id_keys", "time": "times_ms"}
"""Columns of numbers, by their names in the file and in a batch."""


class SpooledEvents:
    """See `pipeline.engine.event_keys.Recorded`. Events are added first, then ordered, and taken after that.

    Args:
        folder: holds the file; the caller removes it.
        schema: of the events.
    """

    def __init__(self, folder: pathlib.Path, schema: Schema) -> None:
        self._spool = Spool(folder)
        self._schema = schema
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self.times_ms = self.id_keys = self.event_keys = self.orders = np.zeros(0, np.int64)
        self.ops: Int8s = np.zeros(0, np.int8)
        self._batches = self._rows = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self.times_ms)

    def add(self, batch: Batch) -> None:
        """Writes the events of `batch` behind the others."""
        _, number = self._spool.put(_record_batch(batch, self._schema))
        n = len(batch)
        keys = event_keys(batch.id_keys, batch.users)
        places = np.full(n, number, np.int32), np.arange(n, dtype=np.int32)
        self._parts.append((batch.times_ms, batch.id_keys, keys, batch.orders, batch.ops, *places))

    def complete(self) -> None:
        """Ends the writing; at least one event was added."""
        self._spool.complete()
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        self.times_ms, self.id_keys, self.event_keys, self.orders, self.ops, self._batches, self._rows = columns
        self._parts = []

    def reorder(self, order: Int64s) -> None:
        """Puts the events into the order `order`, of their positions."""
        self.times_ms, self.id_keys, self.event_keys = self.times_ms[order], self.id_keys[order], self.event_keys[order]
        self.orders, self.ops = self.orders[order], self.ops[order]
        self._batches, self._rows = self._batches[order], self._rows[order]

    def take(self, which: NDArray[Any]) -> Batch:
        """See `Recorded`."""
        schema = self._schema
        if not len(which):
            return Batch.of([], schema)
        files = np.zeros(len(which), np.int32)
        names = [*_KINDS, "id", "user", *map(_entity, schema.entities), *map(_text, schema.texts), *map(_number, schema.columns)]
        table = self._spool.take(files, self._batches[which], self._rows[which], names)
        numbers = [table[_number(name)].to_numpy() for name in schema.columns]
        kinds = {of: table[name].to_numpy() for name, of in _KINDS.items()}
        return Batch(
            ids=table["id"].to_pylist(),
            users=table["user"].to_pylist(),
            entities={kind: table[_entity(kind)].to_pylist() for kind in schema.entities},
            numbers=np.column_stack(numbers) if numbers else np.empty((len(which), 0)),
            texts={name: table[_text(name)].to_pylist() for name in schema.texts},
            **kinds,
        )

    def total_order(self, turns_ms: Int64s) -> Int64s:
        """Gives the positions sorted by (turn, id, primary entity), as `pipeline.tables.event_files.total_order` does.

        The ids and users of those alone are read whose turns are the same, and the first eight bytes of their ids.
        """
        order: Int64s = np.lexsort((self.orders, turns_ms))
        orders, turns = self.orders[order], turns_ms[order]
        is_tied = (orders[1:] == orders[:-1]) & (turns[1:] == turns[:-1])
        tied = np.flatnonzero(np.append(is_tied, False) | np.append(False, is_tied))
        if len(tied):
            ties = np.cumsum(~np.append(False, is_tied))[tied].tolist()
            rows = order[tied]
            batch = self.take(rows)
            key = (lambda at: batch.id_keys[at]) if self._schema.id_type == "integer" else (lambda at: batch.ids[at].encode())
            by_id = sorted(range(len(rows)), key=lambda at: (ties[at], key(at), batch.users[at].encode()))
            order[tied] = rows[by_id]
        return order


@dataclass(slots=True)
class SpooledHistory:
    """Events on the disk, in the order of scoring, and what was refused; see `pipeline.tables.event_files.History`."""

    events: SpooledEvents
    refused: RefusedRows = field(default_factory=RefusedRows)

    def recorded(self) -> Recorded:
        """Returns the events."""
        return self.events


def _record_batch(batch: Batch, schema: Schema) -> pa.RecordBatch:
    text = pa.string()
    columns: dict[str, pa.Array] = {name: pa.array(getattr(batch, of)) for name, of in _KINDS.items()}
    columns |= {"id": pa.array(batch.ids, text), "user": pa.array(batch.users, text)}
    columns |= {_entity(kind): pa.array(ids, text) for kind, ids in batch.entities.items()}
    columns |= {_text(name): pa.array(values, text) for name, values in batch.texts.items()}
    columns |= {_number(name): pa.array(batch.numbers[:, at]) for at, name in enumerate(schema.columns)}
    return pa.RecordBatch.from_pydict(columns)


def _entity(name: str) -> str:
    return f"entity.{name}"


def _text(name: str) -> str:
    return f"text.{name}"


def _number(name: str) -> str:
    return f"number.{name}"
