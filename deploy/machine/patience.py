"""When something that ended or failed is tried again: first at once, and then after growing waits."""

import time
from collections.abc import Callable

CALM_SECONDS = 300.0
"""If the last try was this long ago, it has succeeded, and the next one is made at once again."""
WAIT_SECONDS_MAX = 60.0


class Patience:
    """The waits between tries, by name. They are 0, 0, 1, 2, 4 and so on up to 60 s.

    Args:
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._tried: dict[str, tuple[float, float]] = {}

    def may_try(self, name: str) -> bool:
        """Whether the wait after the last try of `name` is over."""
        at, wait_seconds = self._tried.get(name, (0.0, 0.0))
        return wait_seconds == 0 or self._monotonic() >= at + wait_seconds

    def tried(self, name: str) -> float:
        """Notes a try, whether it succeeded or not; gives the seconds until the next one may be made."""
        now = self._monotonic()
        before = self._tried.get(name)
        wait_seconds = 0.0 if before is None or now - before[0] >= CALM_SECONDS else min(max(1.0, 2 * before[1]), WAIT_SECONDS_MAX)
        self._tried[name] = (now, wait_seconds)
        return wait_seconds
