"""Events and labels of the archive, as replay takes them: decoded as the stream decodes them."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.batch import Batch
from features.decode import Decoder
from features.event import ADD, Event, id_key_of
from features.refusal import Refusal
from features.schema import Schema
from pipeline.archive_access import read_archive
from pipeline.history import History, Labels, total_order
from pipeline.label_resolver import read_label
from pipeline.settings import Settings
from pipeline.tables import Refused

_EVER_MS = 1 << 60


def archived_history(settings: Settings, schema: Schema, span_ms: tuple[int, int], order: str = "time") -> History:
    """The archived events that arrived within `span_ms`, its end left out; what the decoder refuses is listed, not scored.

    In the total order (event time, id) for ``time``, as they arrived for ``arrival``. A correction or retraction has its turn at the
    newest event time that arrived before it in its partition.

    Raises:
        Refusal: the archive does not answer.
    """
    decode = Decoder(schema).decode
    events: list[Event] = []
    partitions: list[int] = []
    refused: Refused = []
    for table in read_archive(settings, "events", span_ms):
        columns = [table["arrived"].cast(pa.int64()), table["partition"], table["offset"], table["value"]]
        for arrived_ms, partition, offset, value in zip(*(column.to_pylist() for column in columns), strict=True):
            try:
                events.append(decode(value, arrived_ms))
                partitions.append(partition)
            except Refusal as refusal:
                refused.append((f"events, partition {partition}", offset, refusal))
    if not events:
        raise Refusal("no events", where=settings.archive_place(), expected="events that fit the schema", got=f"{len(refused)} that do not")
    batch = Batch.of(events, schema)
    if order == "time":
        batch = batch.take(total_order(batch, _turns_of(batch, np.array(partitions)), schema))
    return History(batch, None, refused)


def archived_labels(settings: Settings, schema: Schema, from_ms: int) -> tuple[Labels, int]:
    """The archived labels that arrived from `from_ms` on, in the order of their own times, and how many were no labels.

    Raises:
        Refusal: the archive does not answer.
    """
    integer = schema.id_type == "integer"
    found: list[tuple[int, int, int]] = []
    bad = 0
    for table in read_archive(settings, "labels", (from_ms, _EVER_MS), ("value",)):
        for value in table["value"].to_pylist():
            try:
                event_id, label, time_ms = read_label(value)
                key = np.int64(id_key_of(event_id, integer))
            except (ValueError, OverflowError):  # no label, or an id that is no number of 64 bits
                bad += 1
            else:
                found.append((time_ms, int(key), label))
    found.sort(key=lambda each: each[0])
    times, keys, labels = (np.array([each[part] for each in found], np.int64) for part in range(3))
    return Labels(keys, labels.astype(np.int8), times), bad


def _turns_of(batch: Batch, partitions: NDArray[np.int64]) -> NDArray[np.int64]:
    """As `pipeline.history.turns_of`, for each partition by itself."""
    turns = batch.times_ms.copy()
    for partition in np.unique(partitions):
        rows = np.flatnonzero(partitions == partition)
        turns[rows] = np.maximum.accumulate(batch.times_ms[rows])
    return np.where(batch.ops == ADD, batch.times_ms, turns)
