"""A circuit breaker for each receiver: after some failures in a row, one message at a time asks whether it is well again.

Closed: messages go. Open: none goes until `open_until_ms`. Half open, after that: one message goes, and its outcome closes or opens again,
each time for twice as long. (M. Nygard, Release It!, 2007.)
"""

from dataclasses import dataclass

FAILURES_IN_A_ROW = 5
OPEN_MS_LEAST, OPEN_MS_MOST = 5_000, 600_000


@dataclass(frozen=True, slots=True)
class Breaker:
    """Is the state of one receiver.

    Args:
        failures: consecutive failures.
        open_until_ms: until when no message goes (exclusive), ms since the epoch; 0 while it is closed.
        opened_at_ms: when it opened, ms since the epoch. A clock that is set back to before that holds nothing up.
        failing_since_ms: when the first of the consecutive failures ended, ms since the epoch; None without one.
    """

    failures: int = 0
    open_until_ms: int = 0
    failing_since_ms: int | None = None
    opened_at_ms: int = 0

    def room(self, now_ms: int) -> int | None:
        """Returns how many messages may go side by side at `now_ms`: 0, 1, or None for any number."""
        if self.opened_at_ms <= now_ms < self.open_until_ms:
            return 0
        return None if self.failures < FAILURES_IN_A_ROW else 1

    def succeeded(self) -> "Breaker":
        """Returns the state after a delivery: closed, whatever was before."""
        return Breaker()

    def failed(self, now_ms: int, not_before_ms: int = 0) -> "Breaker":
        """Returns the state after a failure.

        Args:
            not_before_ms: a time before which the receiver asked to get nothing, ms since the epoch; 0 if it asked for none.
        """
        failures = self.failures + 1
        doublings = failures - FAILURES_IN_A_ROW
        open_ms = 0 if doublings < 0 else min(OPEN_MS_LEAST << min(doublings, 20), OPEN_MS_MOST)
        since = now_ms if self.failing_since_ms is None else self.failing_since_ms
        return Breaker(failures, max(now_ms + open_ms if open_ms else 0, not_before_ms), since, now_ms)
