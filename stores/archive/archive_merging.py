"""Merges row groups of many files, which overlap in time, into one sorted run of rows without repeats."""

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stores.archive.archive_rows import Kind, time_column

ROWS_AT_ONCE = 65_536
BYTES_AT_ONCE = 256 << 20
"""So many bytes of rows are a table too, as the records of some kinds are large."""


class Part(msgspec.Struct, frozen=True):
    """Identifies a row group of a file.

    Args:
        path: the file's path.
        group: the row group's number in the file.
        first_ms, last_ms: the earliest and the latest time of its rows, both inclusive.
    """

    path: str
    group: int
    first_ms: int
    last_ms: int


def needed_columns(kind: Kind) -> list[str]:
    """Returns the columns by which rows are sorted and repeats are recognised."""
    own = ["user", "event_id", "revision"] if kind == "decisions" else []
    return ["partition", "offset", time_column(kind), *own]


def merged(kind: Kind, parts: Sequence[Part], read: Callable[[Part], pa.Table], from_ms: int, to_ms: int) -> Iterator[pa.Table]:
    """Yields the rows of `parts` with times in [from_ms, to_ms), sorted by (time, partition, offset), some `ROWS_AT_ONCE` a table.

    All rows of one moment are in one table. Memory holds the parts that overlap, and as much again for sorting.

    Args:
        read: returns a part's rows, with `needed_columns` among the columns.
    """
    held: list[pa.Table] = []
    rows, rows_max, size_bytes = 0, ROWS_AT_ONCE, 0
    for part in sorted(parts, key=lambda part: (part.first_ms, part.path, part.group)):
        if rows >= rows_max or size_bytes >= BYTES_AT_ONCE:
            ready, rest = _split(_in_order(kind, held), time_column(kind), part.first_ms)
            if len(ready):
                yield ready
            held, rows = [rest], len(rest)
            rows_max = max(ROWS_AT_ONCE, 2 * rows)  # rows that had to stay are not sorted again for each further part
            size_bytes = 0
        table = _within(read(part), kind, part, from_ms, to_ms)
        held.append(table)
        rows += len(table)
        size_bytes += table.nbytes
    if rows:
        yield _in_order(kind, held)


def times_ms(table: pa.Table, column: str) -> NDArray[np.int64]:
    """Returns a column of times [rows] as milliseconds since the epoch."""
    numbers: NDArray[np.int64] = table[column].cast(pa.int64()).to_numpy()
    return numbers


def _within(table: pa.Table, kind: Kind, part: Part, from_ms: int, to_ms: int) -> pa.Table:
    if from_ms <= part.first_ms and part.last_ms < to_ms:
        return table
    times = times_ms(table, time_column(kind))
    return table.filter(pa.array((times >= from_ms) & (times < to_ms)))


def _in_order(kind: Kind, tables: list[pa.Table]) -> pa.Table:
    table = pa.concat_tables(tables).combine_chunks()
    order = pc.sort_indices(table, [(name, "ascending") for name in (time_column(kind), "partition", "offset")]).to_numpy()
    if (order != np.arange(len(order))).any():
        table = table.take(pa.array(order))
    repeated = np.logical_and.reduce([_same_as_before(table[name]) for name in (time_column(kind), "partition", "offset")])
    if repeated.any():
        table = table.filter(pa.array(~repeated))
    return _first_decisions(table) if kind == "decisions" else table


def _same_as_before(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    values = column.to_numpy()
    return np.concatenate([np.zeros(min(len(values), 1), np.bool_), values[1:] == values[:-1]])


def _first_decisions(table: pa.Table) -> pa.Table:
    """Removes the later ones of decisions with the same user, event id, revision and event time."""
    if len(table) == 0:
        return table
    names = ["user", "event_id", "revision", "event_time"]
    keys = {name: table[name] for name in names} | {"row": pa.array(np.arange(len(table)))}
    first = pa.table(keys).group_by(names, use_threads=False).aggregate([("row", "min")])["row_min"]
    return table if len(first) == len(table) else table.take(pc.take(first, pc.sort_indices(first)))


def _split(table: pa.Table, column: str, before_ms: int) -> tuple[pa.Table, pa.Table]:
    at = int(np.searchsorted(times_ms(table, column), before_ms, side="left"))
    return table.slice(0, at), table.slice(at)
