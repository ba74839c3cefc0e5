"""What one stage hands on to the next, as columns. On Flink it travels as bytes, which the stages write and read; in one process as it is.

All that stands between two stages is of one release, so that it can be run again, and in halves, as the bundles of bytes are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.schema.batch import Batch
from pipeline.engine.decisions.answers import Answers
from pipeline.engine.definitions.release import Release
from pipeline.score_job.event_body import Arrivals
from pipeline.wire.bodies import write_keyed_body
from pipeline.wire.declaration import ENTITY_SEPARATOR, MESSAGE_BODY, Kind, Tag

Frame = tuple[Tag, str, bytes]
"""What leaves a stage for a topic or a caller who waits: what it is, its key and its bytes."""
Rows = NDArray[np.int64] | slice


@dataclass(slots=True)
class Messages:
    """Events on their way to entities of one kind, as these know them.

    Args:
        entity: the kind of the entities.
        release: the number of the release that the events are stamped with.
        batch: n events under the ids of the entities, without numbers and texts.
        values: [n, columns of the kind's plan] see `features.definitions.row_values`.
        uids: [n] identify the events that wait for the answers.
        ats: [n] the offset of each answer among its event's answers, in bytes.
        rows: where the events stand among those that were decoded together; all of them where each has a message.
        positions: [n] the moment up to which snapshots count for each.
        fields: the events with all that rules may read of them; None where the release has no rules of this kind.
    """

    kind: ClassVar[Kind] = Kind.MESSAGES

    entity: str
    release: int
    batch: Batch
    values: NDArray[np.float64]
    uids: list[int]
    ats: list[int]
    rows: Rows
    positions: NDArray[np.int64]
    fields: Batch | None = None

    @property
    def n(self) -> int:
        """How many messages."""
        return len(self.batch)

    @property
    def size_bytes(self) -> int:
        """The memory in use, about."""
        return self.values.nbytes + 256 * self.n

    def part(self, first: int, end: int) -> "Messages":
        """The messages from `first` up to `end`, which is left out."""
        here = slice(first, end)
        rows = np.arange(self.n)[here] if isinstance(self.rows, slice) else self.rows[here]
        batch = self.batch.take(np.arange(first, end))
        fields = None if self.fields is None else self.fields.take(np.arange(first, end))
        values, uids, ats, positions = self.values[here], self.uids[here], self.ats[here], self.positions[here]
        return Messages(self.entity, self.release, batch, values, uids, ats, rows, positions, fields)

    def body(self) -> bytes:
        """The first message, as it travels: that is what a dead letter keeps of it."""
        batch, user = self.batch, self.batch.users[0].encode()
        head = MESSAGE_BODY.pack(batch.times_ms[0], batch.id_keys[0], batch.orders[0], self.uids[0], self.ats[0], len(user), batch.ops[0])
        return write_keyed_body(f"{self.entity}{ENTITY_SEPARATOR}{batch.ids[0]}".encode(), head + user + self.values[0].tobytes())


def entity_batch(
    keys: list[str],
    users: list[str],
    id_keys: NDArray[np.int64],
    orders: NDArray[np.int64],
    times_ms: NDArray[np.int64],
    ops: NDArray[np.int8],
) -> Batch:
    """Returns events as entities with the ids `keys` know them: without fields, and under one id never with another body."""
    return Batch(keys, id_keys, orders, times_ms, users, {}, np.empty((len(keys), 0)), id_keys, {}, ops)


class Answered(NamedTuple):
    """What entities of one kind say of their messages, [n, `width_of`]."""

    messages: Messages
    numbers: NDArray[np.float64]


@dataclass(slots=True)
class Events:
    """Events on their way to a decision, with the answers of their entities.

    Args:
        release: the number of the release that they are stamped with.
        arrivals: the events.
        answered: by kind of entity, the rows of the events that have its answers, and the answers.
        missing: [n] 1 where an event comes without an answer that it waited for.
        positions: [n] the moment up to which snapshots count for each.
    """

    kind: ClassVar[Kind] = Kind.EVENTS

    release: int
    arrivals: Arrivals
    answered: Sequence[tuple[str, Rows, NDArray[np.float64]]]
    missing: NDArray[np.uint8]
    positions: NDArray[np.int64]

    @property
    def n(self) -> int:
        """How many events."""
        return len(self.arrivals.batch)

    @property
    def size_bytes(self) -> int:
        """The memory in use, about."""
        return sum(numbers.nbytes for _, _, numbers in self.answered) + self.arrivals.batch.numbers.nbytes + 1_024 * self.n

    def answers(self, release: Release) -> Answers:
        """The answers as the engine takes them, which it may change."""
        answers = Answers.none(release, self.n)
        for kind, rows, numbers in self.answered:
            answers.put(release, kind, rows, numbers)
        return answers

    def unread(self) -> list[tuple[int, int, str, bytes]]:
        """What `read_anew` reads."""
        arrivals = self.arrivals
        values = map(arrivals.value, range(self.n))
        return list(zip(arrivals.batch.orders.tolist(), arrivals.arrived_ms.tolist(), arrivals.replies, values, strict=True))

    def body(self) -> bytes:
        """The bytes of the first event as they came."""
        return self.arrivals.value(0)

    def part(self, first: int, end: int) -> "Events":
        """The events from `first` up to `end`, which is left out."""
        here = slice(first, end)
        answered = [(kind, *_of_rows(rows, numbers, first, end)) for kind, rows, numbers in self.answered]
        return Events(self.release, self.arrivals.part(first, end), answered, self.missing[here], self.positions[here])


def _of_rows(rows: Rows, numbers: NDArray[np.float64], first: int, end: int) -> tuple[Rows, NDArray[np.float64]]:
    if isinstance(rows, slice):
        return slice(None), numbers[first:end]
    kept = (rows >= first) & (rows < end)
    return rows[kept] - first, numbers[kept]
