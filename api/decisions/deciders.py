"""An alarm when events are decided by another release than the one in force."""

import logging
from collections.abc import Iterable
from typing import Protocol

import msgspec

from api.definitions.in_force import InForce
from api.http.health import Condition
from api.http.metrics import Counts
from api.kafka.log import Clock

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
GRACE_MS = 10_000
"""For so long after a change of release events that were stamped before it may still be decided."""
ALARM_MS = 60_000
"""An alarm ends so long after the last decision that gave reason for it, for there may be no further event to decide."""


class Newest(msgspec.Struct):
    """What is read of a decision: by which release it was made, and when, in ms since the epoch; and the time of its event."""

    release: int
    processed_at: int
    event_time: int = 0


class Decided(Protocol):
    """Looks at the newest decisions."""

    async def newest(self) -> Iterable[Newest]:
        """The newest decision of each partition that has one."""
        ...


class Deciders:
    """Compares the releases of decisions with the one in force. Belongs to the event loop.

    Args:
        clock: seconds since the epoch.

    Attributes:
        event_time_ms: the newest event time of the decisions that were looked at, in ms since the epoch; 0 before any.
    """

    def __init__(self, decided: Decided, in_force: InForce, condition: Condition, counts: Counts, clock: Clock) -> None:
        self._decided = decided
        self._in_force = in_force
        self._condition = condition
        self._counts = counts
        self._clock = clock
        self.event_time_ms = 0
        self._current = 0
        self._since_ms: dict[int, int] = {}
        self._alarm_ms = -ALARM_MS
        self._look_at = 0.0

    async def check(self) -> str:
        """What `/ready` says of the release: '' when there is one in force and events are decided by it."""
        release = self._in_force.release
        if release is None:
            return self._condition.release_problem(False)
        if release.id != self._current:
            self._current, self._since_ms = release.id, {release.id: self._now_ms()}
        if self._clock() >= self._look_at:
            self._look_at = self._clock() + LOOK_SECONDS
            self.look(await self._decided.newest())
        return self._condition.release_problem(True)

    def look(self, decisions: Iterable[Newest]) -> None:
        """Takes in the newest decisions; while old events are worked through they may well be of releases of long ago."""
        decisions = list(decisions)
        self.event_time_ms = max([self.event_time_ms, *(each.event_time for each in decisions)])
        wrong = [each for each in decisions if each.release != self._current and self._is_wrong(each)]
        if wrong and not self._condition.catching_up:
            self._alarm_ms = self._now_ms()
            self._counts.by_another_release += 1
            self._say(f"events are decided by release {wrong[0].release}, and release {self._current} is in force")
        elif self._now_ms() - self._alarm_ms >= ALARM_MS or any(each.release == self._current for each in decisions):
            self._say("")

    def _is_wrong(self, decision: Newest) -> bool:
        """Whether it was made so late that its release had to be another; a newer release than this process knows has as long to come."""
        since_ms = self._since_ms.setdefault(max(decision.release, self._current), self._now_ms())
        return decision.processed_at >= since_ms + GRACE_MS

    def _say(self, problem: str) -> None:
        if problem != self._condition.decided_by_another:
            log.log(logging.CRITICAL if problem else logging.INFO, "%s", problem or "events are decided by the release in force again")
        self._condition.decided_by_another = problem

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
