"""Replay reads events and labels of the archive here; they are decoded as the stream decodes them."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.schema.batch import Batch, joined
from features.schema.decode import Decoder
from features.schema.event import ADD, Event
from features.schema.schema import Schema
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.engine.event_keys import Labels
from pipeline.learning.label_resolver import read_label
from pipeline.sinks.archive_access import read_archive
from pipeline.tables.event_files import History, total_order
from pipeline.tables.label_files import label_key_of
from pipeline.tables.refused import RefusedRows


def archived_history(settings: Settings, schema: Schema, from_ms: int | None, to_ms: int | None, order: str = "time") -> History:
    """Reads the archived events that arrived in [from_ms, to_ms); events that the decoder refuses are listed and not scored.

    With the order ``time`` they are sorted by (event time, id), with ``arrival`` they stay as they arrived: those of one partition in the
    order of their offsets, whatever their times of arrival say, since a clock may be set back. A correction or retraction is
    sorted by the newest event time before it in its partition, as it is in the live system.

    Raises:
        Refusal: the archive does not answer, or holds no readable event of that span.
    """
    decoder = Decoder(schema)
    parts: list[Batch] = []
    places: list[NDArray[np.int64]] = []
    refused = RefusedRows()
    for table in read_archive(settings, "events", from_ms, to_ms, ("partition", "offset", "at", "value")):
        events, rows = _decoded(table, decoder, refused)
        if events:
            parts.append(Batch.of(events, schema))
            places.append(np.stack([table[name].cast(pa.int64()).to_numpy()[rows] for name in ("partition", "offset", "at")]))
    if not parts:
        got = f"{len(refused)} that do not" if refused else "none"
        raise Refusal("no events", where=settings.archive_place(), expected="archived events that fit the schema", got=got)
    batch = joined(parts)
    partitions, offsets, arrived_ms = np.concatenate(places, axis=1)
    if order == "time":
        batch = batch.take(total_order(batch, _turns_of(batch, partitions, offsets), schema))
    else:
        batch = batch.take(_order_of_arrival(partitions, offsets, arrived_ms))
    return History(batch, None, refused)


def archived_labels(settings: Settings, schema: Schema, from_ms: int | None) -> tuple[Labels, int]:
    """Reads the archived labels that arrived at `from_ms` or later, sorted by label time, and counts the records that are no labels.

    Raises:
        Refusal: the archive does not answer.
    """
    found: list[tuple[int, int, int, int]] = []
    weights: list[float] = []
    users: list[str | None] = []
    bad = 0
    for table in read_archive(settings, "labels", from_ms, columns=("value",)):
        for value in table["value"].to_pylist():
            try:
                read = read_label(value, schema.min_time_ms, schema.label_sources)
                rank = schema.label_sources.rank(read.source)
                found.append((label_key_of(read.event.event_id, schema), read.label, read.time_ms, rank))
                users.append(read.event.user)
                weights.append(read.weight)
            except Refusal:
                bad += 1
    by_time = np.argsort([time_ms for _, _, time_ms, _ in found], kind="stable")
    keys, labels, times_ms, ranks = np.array(found, np.int64).reshape(-1, 4)[by_time].T
    own = [users[row] for row in by_time.tolist()]
    told = {"ranks": ranks.astype(np.int8), "weights": np.array(weights)[by_time]}
    return Labels(keys, labels.astype(np.int8), times_ms, own, **told), bad


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


def _order_of_arrival(partitions: NDArray[np.int64], offsets: NDArray[np.int64], arrived_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Gives the rows in the order in which a reader of all partitions had them, as far as their times tell."""
    order: NDArray[np.int64] = np.lexsort((offsets, partitions, _newest_so_far(arrived_ms, partitions, offsets)))
    return order


def _turns_of(batch: Batch, partitions: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Computes `pipeline.tables.event_files.turns_of` for each partition separately."""
    return np.where(batch.ops == ADD, batch.times_ms, _newest_so_far(batch.times_ms, partitions, offsets))


def _newest_so_far(times_ms: NDArray[np.int64], partitions: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Gives of each row the greatest time of its partition up to it."""
    newest: NDArray[np.int64] = times_ms.copy()
    for partition in np.unique(partitions).tolist():
        rows = np.flatnonzero(partitions == partition)
        rows = rows[np.argsort(offsets[rows], kind="stable")]
        newest[rows] = np.maximum.accumulate(times_ms[rows])
    return newest
