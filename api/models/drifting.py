"""Tells the drift of what models of the release in force see and say, and of the share of fraud."""

import asyncio
import math

from api.definitions.in_force import InForce
from api.models.model_shapes import DriftBin, ShownDrift, ShownDrifts
from pipeline.comparison.drift import Bin, Drift
from pipeline.comparison.newest_drift import DriftMeasure


class Drifting:
    """Measures drift. Only the event loop may use it; the stores are asked in threads."""

    def __init__(self, measure: DriftMeasure, in_force: InForce) -> None:
        self._measure = measure
        self._in_force = in_force

    async def newest(self) -> ShownDrifts:
        """The drift of the newest day that is over, worst first; see `DriftMeasure.measure` for what it takes.

        Raises:
            Problem: 503, no release is in force.
            StoreUnavailableError: a store does not answer.
        """
        release, _ = self._in_force.require()
        found = await asyncio.to_thread(self._measure.measure, release)
        return ShownDrifts(found.day_ms, found.labels_day_ms, [_shown(each) for each in found.drifts])


def _shown(drift: Drift) -> ShownDrift:
    now, usual = (None if math.isnan(value) else value for value in (drift.now, drift.usual))
    sizes = (drift.index, drift.limit, drift.matters, drift.events, drift.reference_events)
    return ShownDrift(drift.subject, *sizes, now, usual, [_bin(each) for each in drift.bins])


def _bin(each: Bin) -> DriftBin:
    least, most = (value if value is not None and math.isfinite(value) else None for value in (each.least, each.most))
    return DriftBin(least, most, each.least is None, each.events, each.reference_events)
