"""Measures drift once a day of event time is over, and notes what began to drift and what ended, with alerts that tell of it."""

import logging

from pipeline.comparison.drift_spans import after_day, alerts_of, said_of
from pipeline.comparison.newest_drift import DriftMeasure
from pipeline.engine.definitions.release import Release
from stores.decisions import StoreUnavailableError
from stores.drifts import Drifts, OpenDrift

log = logging.getLogger(__name__)

MEASURE_SECONDS_MIN = 60.0
"""Between two measurements, which read the sample of a month: days of a backlog pass in seconds."""


class DriftWatch:
    """Knows what drifts. Its calls block, and one that measures takes some seconds.

    Args:
        measure: measures the newest day.
        drifts: the store of what drifts.
    """

    def __init__(self, measure: DriftMeasure, drifts: Drifts) -> None:
        self._measure = measure
        self._drifts = drifts
        self._open: list[OpenDrift] = []
        self._followed_ms: int | None = None
        self._measured_at = -MEASURE_SECONDS_MIN

    def look(self, release: Release, clock_ms: int, now_ms: int, seconds: float) -> dict[str, str]:
        """Follows a day that is over, if there is one; returns what drifts, with words for it by subject, as it was known last.

        Args:
            clock_ms: the greatest event time seen, ms since the epoch.
            now_ms: clock time, ms since the epoch.
            seconds: of a clock that only grows.
        """
        try:
            self._follow(release, clock_ms, now_ms, seconds)
        except StoreUnavailableError as error:
            log.warning("drift is not measured now, and is tried again: %s", error)
        return {each.subject: said_of(each) for each in self._open}

    def _follow(self, release: Release, clock_ms: int, now_ms: int, seconds: float) -> None:
        if self._followed_ms is None:
            self._open, self._followed_ms = self._drifts.open(), self._drifts.followed_to_ms()
        if seconds - self._measured_at < MEASURE_SECONDS_MIN or self._measure.newest_day_ms() <= self._followed_ms:
            return
        self._measured_at = seconds
        before, newest = self._drifts.open(), self._measure.measure(release)
        after = after_day(before, newest)
        self._drifts.follow(newest.day_ms, after, list(alerts_of(before, after, clock_ms)), now_ms)
        self._open, self._followed_ms = after, newest.day_ms
        log.info("drift of a day was measured: %d subjects, of which %d drift", len(newest.drifts), len(after))
