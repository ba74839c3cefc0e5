"""Figures of ``/metrics`` about rules: how often each has matched, as the effects job has counted."""

import asyncio
import logging
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from stores.decisions import StoreUnavailableError
from stores.effects import Effects, Total

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
RULES_MAX = 500
"""The figures have so many rules, those that matched most often: each is some series for whoever collects them."""


class RuleFigures(Collector):
    """Is registered where the counters are. It looks into the store every `LOOK_SECONDS`, and never when it is asked.

    Args:
        effects: the store.
    """

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self._totals: Sequence[Total] = ()

    async def run(self) -> None:
        """Runs for as long as the process lives."""
        while True:
            try:
                self._totals = await asyncio.to_thread(self._effects.totals, RULES_MAX)
            except StoreUnavailableError as error:
                log.info("the figures of rules are old: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The figures as of the last look."""
        matches = CounterMetricFamily(
            "weir_rule_matches", "Matches by rule: that acted, that were watched, or hidden.", labels=("rule", "as")
        )
        failures = CounterMetricFamily(
            "weir_rule_failures", "Events at which a rule erred, or was skipped for want of a value.", labels=("rule", "as")
        )
        for total in self._totals:
            for kind in ("acted", "watched", "hidden"):
                matches.add_metric((total.pattern, kind), getattr(total, kind))
            for kind in ("erred", "skipped"):
                failures.add_metric((total.pattern, kind), getattr(total, kind))
        yield matches
        yield failures
