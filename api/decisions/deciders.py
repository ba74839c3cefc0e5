"""Raises an alarm when events are decided by another release than the one in force."""

import logging
from collections.abc import Iterable
from typing import Protocol

import msgspec

from api.definitions.in_force import InForce
from api.http.health import Health
from api.http.metrics import ApiMetrics
from api.kafka.log import Clock

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
GRACE_MS = 10_000
"""After a change of release, events that entered the pipeline before it may still be decided by the old release for this time."""
ALARM_MS = 60_000
"""An alarm ends this time after the last decision by a wrong release, because there may be no further events."""


class Newest(msgspec.Struct):
    """The fields that are read of a decision: its release, when it was made and the time of its event, both in ms since the epoch."""

    release: int
    processed_at: int
    event_time: int = 0


class NewestSource(Protocol):
    """Gives the newest decisions."""

    async def newest(self) -> Iterable[Newest]:
        """The newest decision of each partition that has one."""
        ...


class Deciders:
    """Compares the releases that decide events with the one in force. Only the event loop's thread may use it.

    Args:
        source: gives the newest decisions.
        clock: seconds since the epoch.

    Attributes:
        event_time_ms: the newest event time of all decisions that were looked at, in ms since the epoch; 0 before the first.
    """

    def __init__(self, source: NewestSource, in_force: InForce, health: Health, api_metrics: ApiMetrics, clock: Clock) -> None:
        self._source = source
        self._in_force = in_force
        self._health = health
        self._api_metrics = api_metrics
        self._clock = clock
        self.event_time_ms = 0
        self._current = 0
        self._since_ms: dict[int, int] = {}
        self._alarm_ms = -ALARM_MS
        self._look_at = 0.0

    async def check(self) -> str:
        """The check of the part ``release``: '' when a release is in force and decides events, else a sentence that says what is wrong."""
        release = self._in_force.release
        if release is None:
            return self._health.release_problem(False)
        if release.id != self._current:
            self._current, self._since_ms = release.id, {release.id: self._now_ms()}
        if self._clock() >= self._look_at:
            self._look_at = self._clock() + LOOK_SECONDS
            self.look(await self._source.newest())
        return self._health.release_problem(True)

    def look(self, decisions: Iterable[Newest]) -> None:
        """Compares the newest decisions with the release in force. While the score job catches up, old releases raise no alarm."""
        decisions = list(decisions)
        self.event_time_ms = max([self.event_time_ms, *(each.event_time for each in decisions)])
        wrong = [each for each in decisions if each.release != self._current and self._is_wrong(each)]
        if wrong and not self._health.catching_up:
            self._alarm_ms = self._now_ms()
            self._api_metrics.count_by_another_release()
            self._say(f"release {wrong[0].release} decides events, but release {self._current} is in force")
        elif self._now_ms() - self._alarm_ms >= ALARM_MS or any(each.release == self._current for each in decisions):
            self._say("")

    def _is_wrong(self, decision: Newest) -> bool:
        """Whether `decision` was made `GRACE_MS` or longer after this process first saw the newer of its release and the one in force."""
        since_ms = self._since_ms.setdefault(max(decision.release, self._current), self._now_ms())
        return decision.processed_at >= since_ms + GRACE_MS

    def _say(self, problem: str) -> None:
        if problem != self._health.decided_by_another:
            log.log(logging.CRITICAL if problem else logging.INFO, "%s", problem or "the release in force decides events again")
        self._health.decided_by_another = problem

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
