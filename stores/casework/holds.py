"""Defines how holds are stored: payments that wait until somebody, a later decision, or the time releases or declines them.

What ends a hold is written with the message that tells of it, in one transaction, and only once: who comes second finds another version.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

import msgspec

from stores.casework.deliveries import Message

HoldState = Literal["held", "released", "declined", "withdrawn"]
HOLD_STATES: tuple[HoldState, ...] = ("held", "released", "declined", "withdrawn")
"""A hold is withdrawn, and nobody is told, where a later decision on the event holds it in its place, or the event was retracted."""


class Hold(msgspec.Struct, frozen=True):
    """Is the hold of one decision. Times are ms since the epoch; that of the event says so in its name, the others are the clock's.

    Args:
        id: stands for user, event and revision.
        event: stands for user and event, as the `key` of `alerts.policy.decided_event.DecidedEvent` does.
        user, event_id, revision: which decision holds.
        event_time_ms: time of the event.
        action: of the decision.
        held_at_ms: when it was decided.
        until_ms: when the hold ends by itself (inclusive).
        then: how it ends by itself, one of `patterns.hold_policy.HOLD_ENDS`.
        state: one of `HOLD_STATES`.
        ended_at_ms: when it ended; None while it holds.
        by, reason: who or what ended it, or made it hold again, and why; empty before.
        version: the number of its changes, from 1 on.
    """

    id: str
    event: str
    user: str
    event_id: str
    revision: int
    event_time_ms: int
    action: str
    held_at_ms: int
    until_ms: int
    then: Literal["release", "decline"]
    state: HoldState = "held"
    ended_at_ms: int | None = None
    by: str = ""
    reason: str = ""
    version: int = 1


class HoldChange(msgspec.Struct, frozen=True):
    """Is the next version of a hold, with what is told of it; `message` is None where nobody is told.

    Args:
        receivers: the ids of the webhooks that want the message.
    """

    hold: Hold
    message: Message | None = None
    receivers: Sequence[str] = ()


class Holds(Protocol):
    """Stores holds. Any number of processes read and write; each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def get(self, id: str) -> Hold | None:
        """Returns the hold; None if there is none."""

    def of_events(self, events: Iterable[str]) -> dict[str, Hold]:
        """Returns by event the hold of its highest revision, of those events that have one."""

    def change(self, changes: Sequence[HoldChange]) -> list[str]:
        """Writes the next versions of holds, and returns the ids of those that were written.

        A hold is written only if the stored version is the one before it, which for a new one means that none is stored.
        """

    def due(self, now_ms: int, limit: int) -> list[Hold]:
        """Returns holds that last and should have ended at `now_ms`, those that ended first before the others."""

    def next_due_ms(self) -> int | None:
        """Returns when the next hold ends by itself, ms since the epoch; None if none lasts."""

    def page(self, states: Sequence[HoldState], user: str | None, before: tuple[int, str] | None, limit: int) -> list[Hold]:
        """Returns the newest `limit` holds by (`held_at_ms`, `id`), newest first.

        Args:
            states: only those in one of these; empty for all.
            user: only this one's; None for all.
            before: only those before this (`held_at_ms`, `id`); None for all.
        """

    def forget(self, before_ms: int, limit: int) -> int:
        """Removes at most `limit` holds that ended before `before_ms` (exclusive); returns how many."""
