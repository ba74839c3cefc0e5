"""64 bits that stand for an event among those of all users, and the events that labels are about."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.schema.batch import Batch
from features.schema.event import id_key_of

NO_EVENT, SEVERAL_EVENTS = -1, -2
USERS_REMEMBERED = 65_536

_key_of_user = functools.lru_cache(USERS_REMEMBERED)(functools.partial(id_key_of, integer=False))


@dataclass(slots=True)
class Labels:
    """Labels in order of their time.

    Args:
        id_keys: of the labelled events.
        labels: 0 or 1.
        times_ms: from when on each is known.
        users: whose event each is about; None where a label does not say, or none of them does.
        rows: of the file that they come from, from 1; 0 when they come from elsewhere.
        source: that file.
        unknown: labels that were left out because no event is theirs.
    """

    id_keys: NDArray[np.int64]
    labels: NDArray[np.int8]
    times_ms: NDArray[np.int64]
    users: list[str | None] | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    source: str = ""
    unknown: int = 0

    def __post_init__(self) -> None:
        if not len(self.rows):
            self.rows = np.zeros(len(self.labels), np.int64)


def event_keys(id_keys: NDArray[np.int64], users: Iterable[str]) -> NDArray[np.int64]:
    """A number for each event's user and id; two events share one with a probability of 2**-64. About 0.1 µs an event.

    Args:
        id_keys: [n] of the ids, see `features.schema.event.id_key_of`.
        users: n ids of users.
    """
    return id_keys ^ np.fromiter(map(_key_of_user, users), np.int64, len(id_keys))


def first_rows(events: Batch) -> NDArray[np.int64]:
    """By row the first one of the same event: its own, unless the event comes a second time. O(n log n)."""
    keys = event_keys(events.id_keys, events.users)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(order)])
    first = np.empty(len(order), np.int64)
    first[order] = np.repeat(order[starts], np.diff(starts, append=len(order)))
    return first


def rows_of_labels(events: Batch, labels: Labels) -> NDArray[np.int64]:
    """The first row of the event that each label is about: `NO_EVENT` where there is none.

    A label that names no user is about the one event with its id; `SEVERAL_EVENTS` where several users have one. O(n log n).
    """
    if not len(events):
        return np.full(len(labels.id_keys), NO_EVENT)
    keys = event_keys(events.id_keys, events.users)
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
