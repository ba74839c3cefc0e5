"""Measures the drift of what models of the release in force see and say, and of the share of fraud."""

import asyncio
import math

from api.definitions.in_force import InForce
from api.http.model_responses import ShownDrift, ShownDrifts
from api.models.unchanged import Unchanged
from pipeline.comparison.drift import Drift, worst_first
from pipeline.comparison.drift_of_sample import REFERENCE_MS, drift_of_day, label_drift, newest_whole_day
from pipeline.engine.definitions.release import Release
from stores.effects import Effects


class Drifting:
    """Measures drift. Only the event loop may use it; the stores are asked in threads.

    Args:
        unchanged: knows in which releases a model or a number is the same.
    """

    def __init__(self, effects: Effects, unchanged: Unchanged, in_force: InForce) -> None:
        self._effects = effects
        self._unchanged = unchanged
        self._in_force = in_force

    async def newest(self) -> ShownDrifts:
        """The drift of the newest day that is over, worst first.

        It reads the sample of about a month, which takes some seconds of a full one.

        Raises:
            Problem: 503, no release is in force.
            StoreUnavailableError: a store does not answer.
        """
        release, _ = self._in_force.require()
        return await asyncio.to_thread(self._newest, release)

    def _newest(self, release: Release) -> ShownDrifts:
        newest_ms, after_ms = self._effects.newest_ms(), release.schema.negative_after_ms
        day_ms, labels_day_ms = newest_whole_day(newest_ms), newest_whole_day(newest_ms - after_ms)
        found = worst_first([*self._inputs_and_scores(release, day_ms), self._labels(release, labels_day_ms)])
        return ShownDrifts(day_ms, labels_day_ms, [_shown(each) for each in found])

    def _inputs_and_scores(self, release: Release, day_ms: int) -> list[Drift | None]:
        sample = self._effects.scored_sample(max(0, day_ms - REFERENCE_MS), numbers=True)
        ids = {event.release for event in sample.events}
        models = self._unchanged.models(release, ids)
        return list(drift_of_day(sample, day_ms, self._unchanged.numbers(release, ids, models), models))

    def _labels(self, release: Release, day_ms: int) -> Drift | None:
        sample = self._effects.scored_sample(max(0, day_ms - REFERENCE_MS))
        return label_drift(sample, day_ms, release.schema.label_sources, release.schema.negative_after_ms)


def _shown(drift: Drift) -> ShownDrift:
    now, usual = (None if math.isnan(value) else value for value in (drift.now, drift.usual))
    return ShownDrift(drift.subject, drift.index, drift.limit, drift.matters, drift.events, drift.reference_events, now, usual)
