"""Defines how snoozes are stored: for a while, alerts of a rule are silenced. What the rule does to events never is."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

ACTIVE_MAX = 100
"""The maximum number of snoozes of one rule that hold at a time."""


class TooManySnoozesError(Exception):
    """As many snoozes of the rule hold as may."""


class Snooze(msgspec.Struct, frozen=True):
    """Holds a snooze. Times are clock time, ms since the epoch.

    Args:
        id: 32 hexadecimal digits.
        pattern: the rule whose alerts are silenced.
        fields: alerts of events with these values only; none: all of the rule.
        comment: why.
        by: who made it.
        from_ms, until_ms: it holds from the first (inclusive) to the second (exclusive).
        lifted_by, lifted_at_ms: who ended it sooner, and when; '' and None if nobody did.
    """

    id: str
    pattern: str
    fields: Mapping[str, str]
    comment: str
    by: str
    from_ms: int
    until_ms: int
    lifted_by: str = ""
    lifted_at_ms: int | None = None

    def holds_at(self, at_ms: int) -> bool:
        """Tells whether alerts are silenced at `at_ms`."""
        return self.from_ms <= at_ms < self.until_ms and (self.lifted_at_ms is None or at_ms < self.lifted_at_ms)


class Snoozes(Protocol):
    """Stores snoozes. Each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def add(self, snooze: Snooze) -> None:
        """Stores a snooze.

        Raises:
            TooManySnoozesError: as many of the rule hold already.
        """

    def of(self, pattern: str, limit: int) -> list[Snooze]:
        """Returns the newest snoozes of a rule, also those that are over."""

    def holding(self, at_ms: int) -> list[Snooze]:
        """Returns all snoozes that hold at `at_ms`."""

    def lift(self, pattern: str, id: str, by: str, at_ms: int) -> Snooze | None:
        """Ends a snooze that holds, and leaves one that is over as it is; returns it as it is now, None if the rule has none of this id."""
