"""Events of all users are told apart by 64 bits each, by which the events of labels are found."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from features.schema.batch import Batch
from features.schema.event import id_key_of
from features.windows.row_label import standings

NO_EVENT, SEVERAL_EVENTS = -1, -2
USERS_REMEMBERED = 65_536

_key_of_user = functools.lru_cache(USERS_REMEMBERED)(functools.partial(id_key_of, integer=False))


@dataclass(slots=True)
class Labels:
    """Holds labels in the order of their times.

    Args:
        id_keys: the id key of each labelled event.
        labels: 0 or 1.
        times_ms: when each label becomes known; from then on (inclusive) it is in force.
        users: the primary entity of each labelled event, None where a label does not name one; None for all if no label does.
        rows: the row of each in its file, from 1 on; 0 for labels that do not come from a file.
        source: the name of that file.
        ranks: the rank of the source of each, see `features.schema.label_sources`; 0 each where nobody says.
        weights: how strongly each label teaches; 1 each where nobody says.
        unknown: how many labels were left out because no event has their id.
    """

    id_keys: NDArray[np.int64]
    labels: NDArray[np.int8]
    times_ms: NDArray[np.int64]
    users: list[str | None] | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    source: str = ""
    unknown: int = 0
    ranks: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    weights: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        n = len(self.labels)
        if not len(self.rows):
            self.rows = np.zeros(n, np.int64)
        if not len(self.ranks):
            self.ranks = np.zeros(n, np.int8)
        if not len(self.weights):
            self.weights = np.ones(n)

    @property
    def standings(self) -> NDArray[np.int64]:
        """Returns by which number each is compared with others of its event, see `features.windows.row_label.standings`."""
        return standings(self.labels, self.times_ms, self.ranks)


class Recorded(Protocol):
    """Recorded events in the order of scoring, wherever they are kept.

    Attributes:
        times_ms: [events] their times.
        id_keys: [events] keys of their ids.
        event_keys: [events] see `event_keys`.
    """

    times_ms: NDArray[np.int64]
    id_keys: NDArray[np.int64]
    event_keys: NDArray[np.int64]

    def __len__(self) -> int: ...

    def take(self, which: NDArray[Any]) -> Batch:
        """Returns the events at the positions `which`."""
        ...


class RecordedBatch:
    """Holds recorded events in memory."""

    def __init__(self, batch: Batch) -> None:
        self.times_ms = batch.times_ms
        self.id_keys = batch.id_keys
        self.event_keys = event_keys(batch.id_keys, batch.users)
        self._batch = batch

    def __len__(self) -> int:
        return len(self._batch)

    def take(self, which: NDArray[Any]) -> Batch:
        """See `Recorded`."""
        return self._batch.take(which)


def event_keys(id_keys: NDArray[np.int64], users: Iterable[str]) -> NDArray[np.int64]:
    """Returns a number for each event, made of its user and id. It costs about 0.1 µs an event.

    Two given events share a number with a probability of 2**-64.

    Args:
        id_keys: [n] keys of the ids, see `features.schema.event.id_key_of`.
        users: the n ids of the primary entities.
    """
    return id_keys ^ np.fromiter(map(_key_of_user, users), np.int64, len(id_keys))


def first_rows(events: Recorded) -> NDArray[np.int64]:
    """Returns for each row the first row of the same event, which is the row itself unless the event came before. It costs O(n log n)."""
    keys = events.event_keys
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(order)])
    first = np.empty(len(order), np.int64)
    first[order] = np.repeat(order[starts], np.diff(starts, append=len(order)))
    return first


def rows_of_labels(events: Recorded, labels: Labels) -> NDArray[np.int64]:
    """Returns for each label the first row of its event, or `NO_EVENT` where there is none. It costs O(n log n).

    A label that names no user is about the one event with its id; the result is `SEVERAL_EVENTS` where several users have one.
    """
    if not len(events):
        return np.full(len(labels.id_keys), NO_EVENT)
    keys = events.event_keys
    users = labels.users or [None] * len(labels.id_keys)
    named = np.fromiter((user is not None for user in users), np.bool_, len(users))
    rows = np.full(len(users), NO_EVENT)
    rows[named] = _rows_of(keys, event_keys(labels.id_keys[named], (user for user in users if user is not None)))
    if not named.all():
        rows[~named] = _only_rows_of(events.id_keys, keys, labels.id_keys[~named])
    return rows


def _rows_of(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    at = np.minimum(np.searchsorted(ordered, wanted), len(order) - 1)
    return np.where(ordered[at] == wanted, order[at], NO_EVENT)


def _only_rows_of(id_keys: NDArray[np.int64], keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    order = np.lexsort((keys, id_keys))  # rows of one event stay in their order
    start = np.searchsorted(id_keys, wanted, side="left", sorter=order)
    end = np.searchsorted(id_keys, wanted, side="right", sorter=order)
    first, last = order[np.minimum(start, len(order) - 1)], order[np.maximum(end - 1, 0)]
    return np.where(end == start, NO_EVENT, np.where(keys[first] == keys[last], first, SEVERAL_EVENTS))
