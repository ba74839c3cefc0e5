"""Decisions as kept for reading: one by event, the latest score of an entity, what is flagged, an entity's history.

An event is its user and its id: two users may use one id, for two events.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from foundation.refusal import Refusal

USERS_MAX = 20
"""How many users' events an id alone finds at most; whoever means another one names the user."""


class EventName(NamedTuple):
    """What an event is asked for by; without a `user` it is any event with that id."""

    event_id: str
    user: str | None = None


class TopicPlace(msgspec.Struct, frozen=True, array_like=True):
    """Where a decision stands in the topic of decisions."""

    partition: int
    offset: int


class StoredDecision(msgspec.Struct, frozen=True):
    """A decision and what it is found by.

    Args:
        event_id: as text.
        revision: 0 for the event as it came, higher for corrections.
        event_time: ms since the epoch.
        order: sorts events of one time bytewise, as `features.schema.event.Event.order`.
        keys: (kind, id) of the user, first, and of each further entity that is not empty.
        score: 0 to 1; None when no model gave one.
        action: approve, review or block.
        release: that it was made by.
        value: the whole decision as JSON, as it was served.
        retracted: the event was taken back; no later revision follows.
        place: of its record; repeats of it stand behind it in the same partition. None for what was kept before there were places.
    """

    event_id: str
    revision: int
    event_time: int
    order: bytes
    keys: tuple[tuple[str, str], ...]
    score: float | None
    action: str
    release: int
    value: bytes
    retracted: bool = False
    place: TopicPlace | None = None

    @property
    def user(self) -> str:
        """The id of the user whose event it is."""
        return self.keys[0][1] if self.keys else ""


class LatestScore(msgspec.Struct, frozen=True):
    """The score of an entity after its newest event; `event_time` in ms, `score` None when no model gave one.

    `place` is that of the decision it comes from: what stands before it in its partition is included. `user` is whose event it was.
    """

    score: float | None
    action: str
    event_id: str
    revision: int
    event_time: int
    release: int
    place: TopicPlace | None = None
    user: str = ""


class Page(msgspec.Struct, frozen=True):
    """Some decisions, and the cursor for those after them; None at the end."""

    decisions: list[StoredDecision]
    next: str | None


class Decisions(Protocol):
    """A store of decisions. One process writes a partition's decisions, any number read.

    Raises:
        StoreUnavailableError: any call, of a store that is a server.
    """

    def write(self, decisions: list[StoredDecision]) -> int:
        """Keeps `decisions` and gives how many it does not know for repeats. What failed is written again, whole.

        The first one for (user, event id, revision) wins, that of the least offset, here and within the list; repeats change nothing. Each
        key's latest score is that of its greatest (event time, order, revision) among events that are not retracted: a late event enters
        the history only, and when the newest one is retracted, the one before it is the latest again.
        """

    def get(self, event_id: str, user: str | None = None) -> list[StoredDecision]:
        """The decisions on the events with an id, each in its highest revision: by user, `USERS_MAX` of them at most.

        With a `user` it is one, or none.
        """

    def get_many(self, names: Sequence[EventName]) -> dict[EventName, list[StoredDecision]]:
        """`get` for several names in one call; those unknown are left out."""

    def latest(self, kind: str, id: str) -> LatestScore | None:
        """The latest score of an entity or user; `kind` is the name of its field."""

    async def latest_soon(self, kind: str, id: str) -> LatestScore | None:
        """As `latest`, for an event loop, which it never holds up: at once, or within the time that the store was opened with."""

    def flagged(self, actions: tuple[str, ...], since_ms: int, cursor: str | None, limit: int) -> Page:
        """Decisions with one of `actions` (any but approve) on events from `since_ms` on, by score, then newest first.

        An event counts with its highest revision. Those without a score come last.

        Raises:
            Refusal: the cursor is not one of this store's.
        """

    def of_entity(self, kind: str, id: str, before: str | None, limit: int) -> Page:
        """Decisions on an entity's events, newest first, from the cursor `before` on.

        Raises:
            Refusal: the cursor is not one of this store's.
        """

    def close(self) -> None:
        """Lets the store go; it is not used afterwards."""


class StoreUnavailableError(Exception):
    """The store does not answer, or not in time; what it was asked may have been done."""


def bad_cursor(got: str, where: str) -> Refusal:
    """The answer to a cursor that no page of the store gave out, in the parameter `where`."""
    return Refusal("bad cursor", where=where, expected="the cursor of a page before", got=got)
