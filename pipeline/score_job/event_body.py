"""An event travels from the decode stage to the user stage as bytes, and a bundle of these becomes columns at once.

A body is a head of numbers, the event's own numbers, its texts (msgpack: id, user, who waits, entities, string fields), and the
bytes as they came. No event becomes an object, because that alone would cost a microsecond.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.schema.batch import Batch
from features.schema.event import Event
from features.schema.schema import Schema
from pipeline.control.known_releases import COMPILED_KEPT
from pipeline.wire.declaration import EVENT_BODY

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[str | None]).decode


@dataclass(slots=True)
class Arrivals:
    """Holds a bundle of events.

    Args:
        batch: the events as the engine takes them.
        arrived_ms: [n] when the broker got each.
        replies: the API process that waits for each; the empty text where nobody does.
        value: gives the bytes of the event at a row as they came.
    """

    batch: Batch
    arrived_ms: NDArray[np.int64]
    replies: list[str]
    value: Callable[[int], bytes]

    def part(self, first: int, end: int) -> "Arrivals":
        """The events from `first` up to `end`, which is left out."""
        here = slice(first, end)
        batch = self.batch.take(np.arange(first, end))
        return Arrivals(batch, self.arrived_ms[here], self.replies[here], lambda row: self.value(first + row))


def event_body(event: Event, order_key: int, value: bytes) -> bytes:
    """Returns the body of `event`; `order_key` is the beginning of its order as a number, and `value` the bytes as they came."""
    texts = _encode((event.id, event.user, event.reply, *event.entities, *event.texts))
    head = EVENT_BODY.pack(event.time_ms, event.id_key, order_key, event.body_key, event.arrived_ms, len(texts), event.op)
    return b"".join((head, event.numbers, texts, value))


def parts_without_schema(body: memoryview) -> tuple[int, int, str, bytes]:
    """Returns of a body of unknown schema the key of its order, its arrival in ms, who waits, and the event's bytes as they came.

    How many numbers the body holds is found by trying: only behind the right number stand texts of the stated length.

    Raises:
        ValueError: the bytes are not the body of an event.
    """
    _, _, order_key, _, arrived_ms, length, _ = EVENT_BODY.unpack_from(body)
    for first in range(EVENT_BODY.size, len(body) - length + 1, 8):
        try:
            texts = _decode(body[first : first + length])
        except msgspec.DecodeError:
            continue
        if len(texts) > 2:
            return order_key, arrived_ms, texts[2] or "", bytes(body[first + length :])
    raise ValueError("no body of an event")


class EventBodies:
    """Reads the bodies of events of one schema, at about half a microsecond each."""

    def __init__(self, schema: Schema) -> None:
        self._kinds, self._texts = schema.entities, schema.texts
        self._row = EVENT_BODY.dtype(("numbers", "<f8", (len(schema.columns),)))

    def read(self, bodies: Sequence[memoryview]) -> Arrivals:
        """Returns the columns of `bodies`, of which there is at least one."""
        size = self._row.itemsize
        rows = np.frombuffer(b"".join([body[:size] for body in bodies]), self._row)
        starts = (rows["texts_length"] + size).tolist()
        texts = [_decode(body[size:start]) for body, start in zip(bodies, starts, strict=True)]
        ids, users, replies, *others = map(list, zip(*texts, strict=True))
        entities, fields = others[: len(self._kinds)], others[len(self._kinds) :]
        columns = {field.name: np.ascontiguousarray(rows[field.name]) for field in EVENT_BODY.fields}
        batch = Batch(
            ids,
            columns["id_key"],
            columns["order_key"],
            columns["time_ms"],
            users,
            dict(zip(self._kinds, entities, strict=True)),
            np.ascontiguousarray(rows["numbers"]),
            columns["body_key"],
            dict(zip(self._texts, fields, strict=True)),
            columns["op"],
        )
        return Arrivals(batch, columns["arrived_ms"], replies, lambda row: bytes(bodies[row][starts[row] :]))


@functools.lru_cache(maxsize=COMPILED_KEPT)
def bodies_of(schema: Schema) -> EventBodies:
    """Returns the reader of bodies of events of `schema`, which is made once."""
    return EventBodies(schema)
