"""Defines how drift is followed from day to day: what drifts at present, and the alerts that tell of its beginning and its end."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from stores.effects import Alert


class OpenDrift(msgspec.Struct, frozen=True):
    """Holds something that drifts. Times are ms since the epoch.

    Args:
        subject: ``event.`` or ``feature.`` name, ``model.<name>``, or ``label_rate``.
        since_ms: beginning of the day on which it began.
        day_ms: beginning of the newest day on which it was measured.
        psi: the population stability index of that day.
        psi_limit: beyond which it drifts.
    """

    subject: str
    since_ms: int
    day_ms: int
    psi: float
    psi_limit: float


class Drifts(Protocol):
    """Stores what drifts. Each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def followed_to_ms(self) -> int:
        """Returns the beginning of the newest day that `follow` was called for; 0 before the first."""

    def open(self) -> list[OpenDrift]:
        """Returns what drifts, by subject."""

    def follow(self, day_ms: int, open: Sequence[OpenDrift], alerts: Sequence[Alert], now_ms: int) -> bool:
        """Replaces what drifts by `open`, with alerts for the topic ``alerts``, which `stores.effects.Effects` gives to whoever sends them.

        Returns False, and changes nothing, where this day or a later one was followed before: of several processes one counts.
        """
