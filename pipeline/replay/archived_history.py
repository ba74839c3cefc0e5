"""Replay reads events and labels of the archive here; they are decoded as the stream decodes them."""

import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from features.schema.batch import Batch, joined
from features.schema.decode import Decoder
from features.schema.event import ADD, Event
from features.schema.schema import Schema
from foundation.number_arrays import Float64s, Int8s, Int64s
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.engine.definitions.release import Release
from pipeline.engine.event_keys import Labels
from pipeline.learning.read_label import read_label
from pipeline.replay.spooled_events import SpooledEvents, SpooledHistory
from pipeline.sinks.archive_access import read_archive
from pipeline.tables.event_files import History, total_order
from pipeline.tables.label_files import fitted, label_key_of
from pipeline.tables.refused import RefusedRows


def archived_history(settings: Settings, schema: Schema, from_ms: int | None, to_ms: int | None, order: str = "time") -> History:
    """Reads the archived events that arrived in [from_ms, to_ms); events that the decoder refuses are listed and not scored.

    With the order ``time`` they are sorted by (event time, id), with ``arrival`` they stay as they arrived: those of one partition in the
    order of their offsets, whatever their times of arrival say, since a clock may be set back. A correction or retraction is
    sorted by the newest event time before it in its partition, as it is in the live system.

    Raises:
        Refusal: the archive does not answer, or holds no readable event of that span.
    """
    parts: list[Batch] = []
    places: list[Int64s] = []
    refused = RefusedRows()
    for batch, own in _archived_batches(settings, schema, from_ms, to_ms, refused):
        parts.append(batch)
        places.append(own)
    _require_events(parts, settings, refused)
    batch = joined(parts)
    partitions, offsets, arrived_ms = np.concatenate(places, axis=1)
    if order == "time":
        batch = batch.take(total_order(batch, _turns_of(batch.ops, batch.times_ms, partitions, offsets), schema))
    else:
        batch = batch.take(_order_of_arrival(partitions, offsets, arrived_ms))
    return History(batch, None, refused)


def spooled_history(
    settings: Settings, schema: Schema, to_ms: int | None, folder: pathlib.Path, read: Callable[[int], None] = lambda events: None
) -> SpooledHistory:
    """Reads the archived events that arrived before `to_ms` as `archived_history` does, in the order ``time``, and keeps them in `folder`.

    Args:
        read: is called with how many events have been read.

    Raises:
        Refusal: as for `archived_history`.
    """
    events = SpooledEvents(folder, schema)
    places: list[Int64s] = []
    refused = RefusedRows()
    count = 0
    for batch, own in _archived_batches(settings, schema, None, to_ms, refused):
        events.add(batch)
        places.append(own[:2])
        count += len(batch)
        read(count)
    _require_events(places, settings, refused)
    events.complete()
    partitions, offsets = np.concatenate(places, axis=1)
    events.reorder(events.total_order(_turns_of(events.ops, events.times_ms, partitions, offsets)))
    return SpooledHistory(events, refused)


def _archived_batches(
    settings: Settings, schema: Schema, from_ms: int | None, to_ms: int | None, refused: RefusedRows
) -> Iterator[tuple[Batch, Int64s]]:
    """Yields the events of the archive with [3, n] their partitions, offsets and times of arrival; refused ones are added to `refused`."""
    decoder = Decoder(schema)
    for table in read_archive(settings, "events", from_ms, to_ms, ("partition", "offset", "at", "value")):
        events, rows = _decoded(table, decoder, refused)
        if events:
            columns = [table[name].cast(pa.int64()).to_numpy()[rows] for name in ("partition", "offset", "at")]
            yield Batch.of(events, schema), np.stack(columns)


def _require_events(found: Sequence[object], settings: Settings, refused: RefusedRows) -> None:
    if not found:
        got = f"{len(refused)} that do not" if refused else "none"
        raise Refusal("no events", where=settings.archive_place(), expected="archived events that fit the schema", got=got)


def labels_of_archive(settings: Settings, release: Release, history: SpooledHistory) -> Labels | None:
    """Reads the labels that fit the events of `history`; None where there are none.

    Raises:
        Refusal: the archive does not answer.
    """
    labels, _ = archived_labels(settings, release.schema, None)
    labels = fitted(labels, history.recorded(), history.refused)
    return labels if len(labels.labels) else None


def archived_labels(settings: Settings, schema: Schema, from_ms: int | None) -> tuple[Labels, int]:
    """Reads the archived labels that arrived at `from_ms` or later, sorted by label time, and counts the records that are no labels.

    Raises:
        Refusal: the archive does not answer.
    """
    parts: list[_ReadLabels] = [_ReadLabels(np.empty((0, 4), np.int64), np.empty(0), [])]
    bad = 0
    for table in read_archive(settings, "labels", from_ms, columns=("value",)):
        read, refused = _read_labels(table["value"].to_pylist(), schema)
        parts.append(read)
        bad += refused
    keys, labels, times_ms, ranks = np.concatenate([part.numbers for part in parts]).T
    by_time = np.argsort(times_ms, kind="stable")
    users = [user for part in parts for user in part.users]
    weights = np.concatenate([part.weights for part in parts])[by_time]
    own = [users[row] for row in by_time.tolist()]
    told = {"ranks": ranks[by_time].astype(np.int8), "weights": weights}
    return Labels(keys[by_time], labels[by_time].astype(np.int8), times_ms[by_time], own, **told), bad


class _ReadLabels(NamedTuple):
    """Labels in the order of the archive: [n, 4] key, label, time and rank of each, its weight, and its user, None where it names none."""

    numbers: Int64s
    weights: Float64s
    users: list[str | None]


def _read_labels(values: Iterable[bytes], schema: Schema) -> tuple[_ReadLabels, int]:
    """Reads records of labels, and counts those that are none."""
    numbers: list[tuple[int, int, int, int]] = []
    weights: list[float] = []
    users: list[str | None] = []
    bad = 0
    for value in values:
        try:
            read = read_label(value, schema.min_time_ms, schema.label_sources)
            rank = schema.label_sources.rank(read.source)
            numbers.append((label_key_of(read.event.event_id, schema), read.label, read.time_ms, rank))
            users.append(read.event.user)
            weights.append(read.weight)
        except Refusal:
            bad += 1
    return _ReadLabels(np.array(numbers, np.int64).reshape(-1, 4), np.array(weights), users), bad


def _decoded(table: pa.Table, decoder: Decoder, refused: RefusedRows) -> tuple[list[Event], list[int]]:
    """Decodes the events of `table`, and gives them with their rows; refused rows are added to `refused` with their offset."""
    events: list[Event] = []
    rows: list[int] = []
    arrived_ms = table["at"].cast(pa.int64()).to_pylist()
    for row, (value, at_ms) in enumerate(zip(table["value"].to_pylist(), arrived_ms, strict=True)):
        try:
            events.append(decoder.decode(value, at_ms))
            rows.append(row)
        except Refusal as refusal:
            refused.add(f"events/{table['partition'][row]}", table["offset"][row].as_py(), refusal, value)
    return events, rows


def _order_of_arrival(partitions: Int64s, offsets: Int64s, arrived_ms: Int64s) -> Int64s:
    """Gives the rows in the order in which a reader of all partitions had them, as far as their times tell."""
    order: Int64s = np.lexsort((offsets, partitions, _newest_so_far(arrived_ms, partitions, offsets)))
    return order


def _turns_of(ops: Int8s, times_ms: Int64s, partitions: Int64s, offsets: Int64s) -> Int64s:
    """Computes `pipeline.tables.event_files.turns_of` for each partition separately."""
    return np.where(ops == ADD, times_ms, _newest_so_far(times_ms, partitions, offsets))


def _newest_so_far(times_ms: Int64s, partitions: Int64s, offsets: Int64s) -> Int64s:
    """Gives of each row the greatest time of its partition up to it."""
    newest: Int64s = times_ms.copy()
    for partition in np.unique(partitions).tolist():
        rows = np.flatnonzero(partitions == partition)
        rows = rows[np.argsort(offsets[rows], kind="stable")]
        newest[rows] = np.maximum.accumulate(times_ms[rows])
    return newest
