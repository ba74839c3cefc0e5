"""Events that the decode stage has read and stamped with a release and with snapshots, before they go to entities and on to a decision."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.schema.batch import Batch
from features.schema.event import Event
from pipeline.engine.definitions.release import Release
from pipeline.score_job.event_body import Arrivals
from pipeline.score_job.handed_on import Answered, Events, Messages, Rows, entity_batch


class Taken(NamedTuple):
    """One event, its bytes as they came, what identifies it, the time by which it is ordered, and its snapshots."""

    event: Event
    value: bytes
    uid: int
    turn_ms: int
    snapshots: int


class OfKind(NamedTuple):
    """The messages to entities of one kind.

    Args:
        keys: [n] of the entities, '' where an event has none.
        values: [n, columns of the kind's plan] row values.
        at: the offset of these answers among all answers of an event, in bytes.
    """

    kind: str
    keys: list[str]
    values: NDArray[np.float64]
    at: int


class Stamped(NamedTuple):
    """Events of one release, with the messages to each kind of entity that any of them has, and the bytes of all answers of an event."""

    release: Release
    batch: Batch
    taken: list[Taken]
    kinds: list[OfKind]
    width: int

    def messages(self) -> list[Messages]:
        """Returns the messages to each kind of entity."""
        return [self._messages_to(each, _rows_of(each.keys)) for each in self.kinds]

    def events(self, answered: Sequence[Answered]) -> Events:
        """Returns the events with what the entities say, which may lack answers."""
        taken = self.taken
        arrived_ms = np.array([each.event.arrived_ms for each in taken], np.int64)
        values = [each.value for each in taken]
        arrivals = Arrivals(self.batch, arrived_ms, [each.event.reply for each in taken], values.__getitem__)
        given = [(each.messages.entity, each.messages.rows, each.numbers) for each in answered]
        positions = np.array([each.snapshots for each in taken], np.int64)
        return Events(self.release.id, arrivals, given, self._missing(answered), positions)

    def _messages_to(self, of_kind: OfKind, rows: Rows) -> Messages:
        kind, keys, values, at = of_kind
        batch, uids = self.batch, [each.uid for each in self.taken]
        positions = np.array([each.snapshots for each in self.taken], np.int64)
        if not isinstance(rows, slice):
            batch, uids, values, positions = batch.take(rows), [uids[row] for row in rows.tolist()], values[rows], positions[rows]
            keys = [keys[row] for row in rows.tolist()]
        own = entity_batch(keys, batch.users, batch.id_keys, batch.orders, batch.times_ms, batch.ops)
        fields = batch if kind in self.release.rules.of_entities else None
        return Messages(kind, self.release.id, own, values, uids, [at] * len(keys), rows, positions, fields)

    def _missing(self, answered: Sequence[Answered]) -> NDArray[np.uint8]:
        """Returns [n] 1 where an event lacks an answer."""
        missing = np.zeros(len(self.taken), np.uint8)
        lacking = sum(len(keys) - keys.count("") for _, keys, _, _ in self.kinds) - sum(each.messages.n for each in answered)
        if lacking:  # hardly ever
            expected = np.sum([[bool(key) for key in each.keys] for each in self.kinds], axis=0)
            for each in answered:
                expected[each.messages.rows] -= 1
            missing[expected > 0] = 1
        return missing


def _rows_of(keys: list[str]) -> Rows:
    """Returns where there is a key."""
    return slice(None) if all(keys) else np.flatnonzero(np.fromiter(map(bool, keys), np.bool_, len(keys)))
