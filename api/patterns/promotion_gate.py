"""Lets a rule act only where what was measured of it keeps the bounds that its text sets, or somebody says why it may act all the same."""

import asyncio
from collections.abc import Mapping

from api.definitions.in_force import InForce
from api.http.problem import Problem
from api.patterns.backtests import newest_backtest
from api.patterns.measuring import Observed, needs_of, observe
from api.patterns.rules_in_force import part_of_rule, standing_in
from foundation.settings import Settings
from patterns.language.rule_folder import extended_by
from patterns.lifecycle.promotion import Measured
from stores.effects import DAY_MS, Effects
from stores.jobs import Jobs
from stores.registry import Registry


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

    async def observe(self, id: str, days: int | None = None) -> tuple[Observed, list[str], int]:
        """What was counted of the rule `id`, what its promotion still needs, and from which event time on.

        Args:
            days: so many days of event time; None: as far back as counts are kept.

        Raises:
            Problem: 404, there is no such rule; 503, no release is in force.
            StoreUnavailableError: a store does not answer.
        """
        release, _ = self._in_force.require()
        texts, hashes, sources = self._in_force.texts, self._in_force.hashes, release.schema.label_sources
        reviewers = {effects.label.source for effects in release.cases.effects.values() if effects.label is not None}
        standing_in(texts, id)

        def asked() -> tuple[Observed, list[str], int]:
            from_ms = max(0, (self.effects.newest_ms() // DAY_MS + 1 - (days or self._settings.rule_counts_kept_days)) * DAY_MS)
            observed = observe(self.effects, self._registry, texts, hashes, sources, id, from_ms, reviewers)
            needs = needs_of(id, texts, observed.measured, self._settings)
            if needs:
                needs = needs_of(id, texts, observed.measured, self._settings, self._tried(id, texts))
            return observed, needs, from_ms

        return await asyncio.to_thread(asked)

    def _tried(self, id: str, texts: Mapping[str, str]) -> Measured | None:
        """What the newest backtest of the rule's text in force measured; None without one, and for a rule that extends another.

        A text that extends another does not say by its hash what the rule is.
        """
        hash = standing_in(texts, id).hash
        found = None if extended_by(id, texts[part_of_rule(id)]) else newest_backtest(self._jobs, id, hash)
        return None if found is None else found.measured

    async def require_promotable(self, id: str, override: bool, reason: str) -> str:
        """Checks that the rule `id` may act; gives what is noted of an override, '' without one.

        Raises:
            Problem: 409, a bound is not kept, or too little is known; or it is overridden without a reason.
            StoreUnavailableError: a store does not answer.
        """
        observed, needs, _ = await self.observe(id)
        if not needs:
            return ""
        said = "; ".join(needs)
        if not override:
            measured = observed.measured._asdict()
            text = f"the rule {id} does not keep the bounds of its promotion: {said}; say override with a reason to let it act all the same"
            raise Problem(409, text, members={"needed": needs, "measured": measured})
        if not reason.strip():
            raise Problem(409, f"an override of the bounds of the rule {id} needs a reason", members={"needed": needs})
        return f"bounds overridden ({said}): "
