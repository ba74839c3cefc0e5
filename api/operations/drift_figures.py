"""Figures of ``/metrics`` about drift: how far what models see and say is from what it was."""

import asyncio
import logging
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.http.problem import Problem
from api.models.drifting import Drifting
from api.models.model_shapes import ShownDrifts
from stores.decisions import StoreUnavailableError

log = logging.getLogger(__name__)

LOOK_SECONDS = 3_600.0
"""What is measured is of a day that is over, and reading the sample takes some seconds that decisions may need."""
RETRY_SECONDS = 60.0
SUBJECTS_MAX = 500
"""The figures have so many subjects, those that have changed most: each is two series for whoever collects them."""


class DriftFigures(Collector):
    """Is registered where the counters are. It measures every `LOOK_SECONDS`, and never when it is asked.

    Args:
        drifting: measures.
    """

    def __init__(self, drifting: Drifting) -> None:
        self._drifting = drifting
        self._found = ShownDrifts(0, 0, [])

    async def run(self) -> None:
        """Runs for as long as the process lives."""
        while True:
            await asyncio.sleep(LOOK_SECONDS if await self.look() else RETRY_SECONDS)

    async def look(self) -> bool:
        """Measures once; gives False where no release is in force yet, or a store does not answer."""
        try:
            self._found = await self._drifting.newest()
        except (StoreUnavailableError, Problem) as error:
            log.info("the figures of drift are old: %s", error)
            return False
        return True

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures as of the last look."""
        index = GaugeMetricFamily("weir_drift_index", "Population stability index of the newest day that is over.", labels=("of",))
        beyond = GaugeMetricFamily("weir_drift_beyond_limit", "Whether the index is beyond its limit.", labels=("of",))
        for each in self._found.drifts[:SUBJECTS_MAX]:
            index.add_metric((each.subject,), each.index)
            beyond.add_metric((each.subject,), float(each.beyond))
        yield index
        yield beyond
