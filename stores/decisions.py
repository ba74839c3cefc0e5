"""Defines how decisions are stored and read: by event, by entity (history and latest score), and those that are flagged.

An event is named by its primary entity (`user`) and its id: two users may use the same id for two events.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from foundation.refusal import Refusal

USERS_MAX = 20
"""The maximum number of users whose events an id alone finds; a caller that means another one names the user."""


class EventName(NamedTuple):
    """Names an event; without a `user` it means any event with that id."""

    event_id: str
    user: str | None = None


class TopicPlace(msgspec.Struct, frozen=True, array_like=True):
    """Says where a decision stands in the topic of decisions."""

    partition: int
    offset: int


class StoredDecision(msgspec.Struct, frozen=True):
    """Holds a decision with everything by which it is found.

    Args:
        event_id: the event's id as text.
        revision: 0 for the event as it came, higher for corrections.
        event_time: ms since the epoch.
        order: bytes that sort events of the same time, as `features.schema.event.Event.order`.
        keys: (entity type, id) of the user first, then of each further entity whose id is not empty.
        score: 0 to 1; None when no model gave one.
        action: approve, review or block.
        release: id of the release that made the decision.
        value: the whole decision as JSON, as it was served.
        retracted: whether the event was retracted; no later revision follows then.
        place: place of its record; repeats stand after it in the same partition. None for decisions stored by versions that kept no place.
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
        """Returns the id of the user whose event this is."""
        return self.keys[0][1] if self.keys else ""


class LatestScore(msgspec.Struct, frozen=True):
    """Holds the score of an entity after its newest event; `event_time` in ms, `score` None if no model gave one.

    `place` is that of the decision that gave the score: all decisions before it in its partition are included. `user` names whose event it
    was.
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
    """Holds a page of decisions and the cursor of the next page; None at the end."""

    decisions: list[StoredDecision]
    next: str | None


class Decisions(Protocol):
    """Stores decisions. One process writes the decisions of a partition; any number of processes read.

    Raises:
        StoreUnavailableError: any call; the store is a server and does not answer in time.
    """

    def write(self, decisions: list[StoredDecision]) -> int:
        """Stores `decisions` and returns how many were not known as repeats. After a failure, write all of them again.

        The first decision for (user, event id, revision) wins, which is the one with the least offset, here and within the list; repeats
        change nothing. Each entity's latest score is that of its greatest (event time, order, revision) among events that are not
        retracted: a late event enters only the history, and when the newest event is retracted, the one before it becomes the latest again.
        """

    def get(self, event_id: str, user: str | None = None) -> list[StoredDecision]:
        """Returns the decisions on the events with this id, each in its highest revision: at most `USERS_MAX`, by user.

        With a `user` it is one or none.
        """

    def get_many(self, names: Sequence[EventName]) -> dict[EventName, list[StoredDecision]]:
        """Returns what `get` returns for several names in one call; unknown names are left out."""

    def latest(self, kind: str, id: str) -> LatestScore | None:
        """Returns the latest score of an entity; `kind` is the entity type, named by its field. None if there is none."""

    async def latest_soon(self, kind: str, id: str) -> LatestScore | None:
        """Does the same as `latest` without blocking the event loop: at once, or within the time that the store was opened with."""

    def flagged(self, actions: tuple[str, ...], since_ms: int, cursor: str | None, limit: int) -> Page:
        """Returns decisions with one of `actions` (not approve) on events from `since_ms` on, by falling score, then newest first.

        The bound `since_ms` is inclusive. An event counts with its highest revision. Decisions without a score come last.

        Raises:
            Refusal: the cursor is not one of this store's.
        """

    def of_entity(self, kind: str, id: str, before: str | None, limit: int) -> Page:
        """Returns decisions on an entity's events, the newest first, from the cursor `before` on.

        Raises:
            Refusal: the cursor is not one of this store's.
        """

    def close(self) -> None:
        """Closes the store; it is not used afterwards."""


class StoreUnavailableError(Exception):
    """The store does not answer, or not in time; the call may have taken effect all the same."""


def bad_cursor(got: str, where: str) -> Refusal:
    """Makes the refusal of a cursor that no page gave out, found in the parameter `where`."""
    return Refusal("bad cursor", where=where, expected="the cursor of a page that was read before", got=got)
