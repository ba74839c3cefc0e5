"""Lets a rule act only where what was measured of it keeps the bounds that its text sets, or somebody says why it may act all the same."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.definitions.in_force import InForce
from api.http.problem import Problem
from api.patterns.backtests import newest_backtests
from api.patterns.measuring import Observed, needs_of, observe, promote_in
from api.patterns.rules_in_force import part_of_rule, standings_of
from foundation.settings import Settings
from patterns.language.rule_folder import extended_by
from patterns.lifecycle.manifest import Standing, Standings
from stores.effects import DAY_MS, Effects
from stores.jobs import Jobs
from stores.registry import Registry


class Measurement(NamedTuple):
    """Holds what was counted of a rule.

    Args:
        standing: what it may do.
        needs: a sentence for each thing that its promotion still needs.
        from_ms: event time from which on it was counted.
    """

    standing: Standing
    observed: Observed
    needs: list[str]
    from_ms: int


class Measuring:
    """Measures rules of the release in force. Only the event loop may use it; the stores are asked in threads.

    Args:
        settings: say how much has to be known before a bound counts as kept.
        jobs: the backtests among them count where too little is known of what a rule did itself.
    """

    def __init__(self, effects: Effects, registry: Registry, in_force: InForce, settings: Settings, jobs: Jobs) -> None:
        self.effects = effects
        self._registry = registry
        self._in_force = in_force
        self._settings = settings
        self._jobs = jobs

    async def observe(self, ids: Sequence[str], days: int | None = None) -> dict[str, Measurement]:
        """What was counted of the rules `ids`, and what their promotions still need.

        Args:
            days: so many days of event time; None: as far back as counts are kept.

        Raises:
            Problem: 404, there is no such rule; 503, no release is in force.
            StoreUnavailableError: a store does not answer.
        """
        release, _ = self._in_force.require()
        texts, hashes, sources = self._in_force.texts, self._in_force.hashes, release.schema.label_sources
        reviewers = {effects.label.source for effects in release.cases.effects.values() if effects.label is not None}
        standings = standings_of(texts, ids)

        def asked() -> dict[str, Measurement]:
            from_ms = max(0, (self.effects.newest_ms() // DAY_MS + 1 - (days or self._settings.rule_counts_kept_days)) * DAY_MS)
            observed = observe(self.effects, self._registry, texts, hashes, sources, ids, from_ms, reviewers)
            needs = self._needs(texts, standings, observed)
            return {id: Measurement(standings[id], each, needs[id], from_ms) for id, each in observed.items()}

        return await asyncio.to_thread(asked)

    def _needs(self, texts: Mapping[str, str], standings: Standings, observed: Mapping[str, Observed]) -> dict[str, list[str]]:
        """What the promotion of each rule needs. What a backtest measured of its text counts where too little is known of what it did."""
        bounds = {id: promote_in(id, texts) for id in observed}
        needs = {id: needs_of(bounds[id], each.measured, self._settings) for id, each in observed.items()}
        # A text that extends another does not say by its hash what the rule is.
        hashes = {id: standings[id].hash for id, own in needs.items() if own and not extended_by(id, texts[part_of_rule(id)])}
        tried = newest_backtests(self._jobs, hashes) if hashes else {}
        return needs | {id: needs_of(bounds[id], observed[id].measured, self._settings, each.measured) for id, each in tried.items()}

    async def require_promotable(self, id: str, override: bool, reason: str) -> str:
        """Checks that the rule `id` may act; gives what is noted of an override, '' without one.

        Raises:
            Problem: 409, a bound is not kept, or too little is known; or it is overridden without a reason.
            StoreUnavailableError: a store does not answer.
        """
        found = (await self.observe([id]))[id]
        needs = found.needs
        if not needs:
            return ""
        said = "; ".join(needs)
        if not override:
            measured = found.observed.measured._asdict()
            text = f"the rule {id} does not keep the bounds of its promotion: {said}; say override with a reason to let it act all the same"
            raise Problem(409, text, members={"needed": needs, "measured": measured})
        if not reason.strip():
            raise Problem(409, f"an override of the bounds of the rule {id} needs a reason", members={"needed": needs})
        return f"bounds overridden ({said}): "
