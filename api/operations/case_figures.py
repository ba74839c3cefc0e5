"""Figures of ``/metrics`` about cases: what waits in each inbox, how fast cases are decided, and which rules and models are often wrong."""

import asyncio
import logging
from collections.abc import Iterator, Sequence

import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.cases.case_door import DAY_MS
from api.cases.case_shapes import ModelQuality, RuleQuality, Spread
from api.cases.review_quality import model_qualities, rule_qualities, spread_of
from api.definitions.in_force import InForce
from api.kafka.log import Clock
from stores.casework.cases import Cases, InboxLoad
from stores.decisions import StoreUnavailableError

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
RULES_MAX = 500
"""The figures have so many rules, those of which most alerts were reviewed."""
COUNTED_MAX = 5_000
SPEED_DAYS, RULE_DAYS = 1, 30


class _Look(msgspec.Struct):
    """Is what the last look found."""

    at_ms: int = 0
    loads: Sequence[InboxLoad] = ()
    decided: dict[str, int] = {}
    since_claim: dict[str, Spread] = {}
    since_opening: dict[str, Spread] = {}
    rules: Sequence[RuleQuality] = ()
    models: Sequence[ModelQuality] = ()


class CaseFigures(Collector):
    """Is registered where the counters are. It looks into the store every `LOOK_SECONDS`, and never when it is asked.

    Args:
        cases: the store.
        in_force: says how many cases each inbox can decide in a day.
        clock: seconds since the epoch.
    """

    def __init__(self, cases: Cases, in_force: InForce, clock: Clock) -> None:
        self._cases = cases
        self._in_force = in_force
        self._clock = clock
        self._look = _Look()

    async def run(self) -> None:
        """Runs for as long as the process lives; a release without cases has no figures."""
        while True:
            try:
                release = self._in_force.release
                names = [inbox.name for inbox in release.cases.inboxes] if release else []
                if names:
                    self._look = await asyncio.to_thread(self._looked, int(self._clock() * 1_000), names)
            except StoreUnavailableError as error:
                log.info("the figures of cases are old: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures as of the last look."""
        look, release = self._look, self._in_force.release
        open_cases = GaugeMetricFamily("weir_cases_open", "Cases that are not closed, by inbox.", labels=("inbox",))
        free = GaugeMetricFamily("weir_cases_unclaimed", "Cases that can be claimed, by inbox.", labels=("inbox",))
        oldest = GaugeMetricFamily("weir_cases_oldest_seconds", "Age of the oldest case that is not closed.", labels=("inbox",))
        backlog = GaugeMetricFamily("weir_cases_backlog_days", "Days that the open cases of an inbox take.", labels=("inbox",))
        for load in look.loads:
            open_cases.add_metric((load.inbox,), load.open)
            free.add_metric((load.inbox,), load.unclaimed)
            oldest.add_metric((load.inbox,), max(look.at_ms - load.oldest_opened_at_ms, 0) / 1_000)
            inbox = release.cases.inbox(load.inbox) if release else None
            if inbox is not None and inbox.capacity:
                backlog.add_metric((load.inbox,), load.open / inbox.capacity)
        yield from (open_cases, free, oldest, backlog)
        today = GaugeMetricFamily("weir_cases_decided_today", "Cases that were decided since midnight UTC.", labels=("inbox",))
        for name, count in look.decided.items():
            today.add_metric((name,), count)
        yield today
        yield _lengths("weir_cases_claim_to_decision_seconds", "From claim to decision, over the last day.", look.since_claim)
        yield _lengths("weir_cases_opening_to_decision_seconds", "From opening to decision, over the last day.", look.since_opening)
        yield _wrong("rule", [(rule.rule, rule.false_positive_rate) for rule in look.rules])
        yield _wrong("model", [(model.model, model.false_positive_rate) for model in look.models])

    def _looked(self, now_ms: int, names: Sequence[str]) -> _Look:
        decided = self._cases.decided(now_ms - SPEED_DAYS * DAY_MS, now_ms + 1, names, COUNTED_MAX)
        reviewed = self._cases.reviewed(now_ms - RULE_DAYS * DAY_MS, now_ms + 1, names, COUNTED_MAX)
        claims = [(one, one.claimed_at_ms) for one in decided if one.claimed_at_ms is not None]
        return _Look(
            at_ms=now_ms,
            loads=self._cases.loads(now_ms),
            decided=self._cases.decided_since(now_ms - now_ms % DAY_MS),
            since_claim={name: spread_of(one.decided_at_ms - at_ms for one, at_ms in claims if one.inbox == name) for name in names},
            since_opening={name: spread_of(one.decided_at_ms - one.opened_at_ms for one in decided if one.inbox == name) for name in names},
            rules=sorted(rule_qualities(reviewed), key=lambda rule: (-rule.reviewed, rule.rule))[:RULES_MAX],
            models=model_qualities(reviewed),
        )


def _wrong(what: str, rates: Sequence[tuple[str, float | None]]) -> GaugeMetricFamily:
    found = GaugeMetricFamily(f"weir_{what}_false_positive_rate", "Legitimate ones of the reviewed alerts, 30 days.", labels=(what,))
    for name, rate in rates:
        if rate is not None:
            found.add_metric((name,), rate)
    return found


def _lengths(name: str, text: str, spreads: dict[str, Spread]) -> GaugeMetricFamily:
    found = GaugeMetricFamily(name, text, labels=("inbox", "quantile"))
    for inbox, spread in spreads.items():
        for quantile, length_ms in (("0.5", spread.median_ms), ("0.9", spread.ninety_percent_ms)):
            if length_ms is not None:
                found.add_metric((inbox, quantile), length_ms / 1_000)
    return found
