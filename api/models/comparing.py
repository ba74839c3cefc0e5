"""Compares models of the release in force on what became of events, and says what a promotion still needs."""

import asyncio
from collections.abc import Mapping

import numpy as np

from api.definitions.in_force import InForce
from api.http.problem import Problem
from api.models.model_shapes import ComparedModel, ComparedModels, ComparedWeek, Measured, Reliability, ReliabilityBin
from api.models.standings import champion_of, model_of, models_of_place, standing_of
from foundation.settings import Settings
from pipeline.comparison.by_week import weeks_of
from pipeline.comparison.known_outcomes import DAY_MS, KnownOutcomes, known_outcomes
from pipeline.comparison.reliability import reliability
from pipeline.comparison.side_by_side import Comparison, Estimate, compare
from pipeline.comparison.unchanged import Unchanged
from pipeline.engine.definitions.release import Release
from stores.effects import Effects
from stores.scored_events import ScoredSample

READY_SHARE_MIN = 0.99
"""A challenger has to give a score to so great a share of the events to which the champion gives one."""
WORSE = ("ap", "recall_at_1.0%")
"""A challenger that is worse in one of these beyond chance is not promoted."""


class ModelComparing:
    """Measures models of the release in force. Only the event loop may use it; the stores are asked in threads.

    Args:
        unchanged: knows in which releases a model is the same.
        settings: say how many events and labels have to be known.
    """

    def __init__(self, effects: Effects, unchanged: Unchanged, in_force: InForce, settings: Settings) -> None:
        self._effects = effects
        self._unchanged = unchanged
        self._in_force = in_force
        self._settings = settings

    async def compare(self, place: str, days: int | None = None) -> ComparedModels:
        """The champion of `place` and all that challenge it, side by side.

        Args:
            days: so many days of event time; None: as far back as the sample is kept.

        Raises:
            Problem: 404, the policy has no such place; 503, no release is in force.
            StoreUnavailableError: a store does not answer.
        """
        release, _ = self._in_force.require()
        champion_of(release, place)
        return await asyncio.to_thread(self._compare, release, place, days)

    async def require_promotable(self, name: str, override: bool, reason: str) -> str:
        """Checks that the challenger `name` may decide; gives what is noted of an override, '' without one.

        Raises:
            Problem: 404, there is no such model; 409, something is needed, or is overridden without a reason.
            StoreUnavailableError: a store does not answer.
        """
        release, _ = self._in_force.require()
        compared = await self.compare(model_of(release, name).challenges)
        found = next(each for each in compared.models if each.name == name)
        if not found.needed:
            return ""
        said = "; ".join(found.needed)
        if not override:
            text = f"the model {name} cannot be promoted yet: {said}; say override with a reason to promote it all the same"
            raise Problem(409, text, members={"needed": found.needed})
        if not reason.strip():
            raise Problem(409, f"an override for the model {name} needs a reason", members={"needed": found.needed})
        return f"overridden ({said}): "

    async def reliability(self, days: int | None = None) -> Reliability:
        """How often events were fraud, by the probability that their decisions said."""
        release, _ = self._in_force.require()

        def asked() -> Reliability:
            from_ms, sample = self._sample(days)
            known = known_outcomes(sample, {}, release.schema.label_sources, release.schema.negative_after_ms)
            bins = [ReliabilityBin(*each) for each in reliability(known.probabilities, known.fraud)]
            return Reliability(from_ms, sum(each.events for each in bins), bins)

        return await asyncio.to_thread(asked)

    def _sample(self, days: int | None) -> tuple[int, ScoredSample]:
        kept = days or self._settings.rule_counts_kept_days
        from_ms = max(0, (self._effects.newest_ms() // DAY_MS + 1 - kept) * DAY_MS)
        return from_ms, self._effects.scored_sample(from_ms)

    def _compare(self, release: Release, place: str, days: int | None) -> ComparedModels:
        from_ms, sample = self._sample(days)
        names = models_of_place(release, place)
        same = self._unchanged.models(release, {event.release for event in sample.events})
        known = known_outcomes(sample, {name: same[name] for name in names}, release.schema.label_sources, release.schema.negative_after_ms)
        found = compare(known, names, frozenset(model.name for model in release.models if model.labelled))
        models = [self._compared(release, name, known, found, pair_of(known, names[0], name, found)) for name in names]
        weeks = [ComparedWeek(*each) for each in weeks_of(known, names)]
        return ComparedModels(place, from_ms, found.events, found.frauds, found.days, found.drawn, models, weeks)

    def _compared(self, release: Release, name: str, known: KnownOutcomes, found: Comparison, pair: Comparison) -> ComparedModel:
        standing, _ = standing_of(release, model_of(release, name))
        champion = release.policy.models
        needed = [] if name in champion else self._needs(known, next(iter(found.models)), name, pair)
        return ComparedModel(name, standing, _measured(found.models[name]), _measured(found.gains.get(name, {})), needed)

    def _needs(self, known: KnownOutcomes, champion: str, name: str, pair: Comparison) -> list[str]:
        """A sentence for each thing that a promotion of `name` still needs."""
        needs = []
        least_events, least_frauds = self._settings.promotion_events_min, self._settings.promotion_labels_min
        if pair.events < least_events:
            needs.append(f"at least {least_events:,} events of known outcome need a score of both models, and {pair.events:,} have one")
        if pair.frauds < least_frauds:
            needs.append(f"at least {least_frauds:,} of these have to be fraud, and {pair.frauds:,} are")
        asked = ~np.isnan(known.scores[champion])
        ready = float(np.mean(~np.isnan(known.scores[name][asked]))) if asked.any() else 0.0
        if ready < READY_SHARE_MIN:
            needs.append(f"it has to score {READY_SHARE_MIN:.0%} of the events that {champion} scored, and scored {ready:.1%}")
        for measure in WORSE:
            gain = pair.gains[name][measure]
            if gain.high is not None and gain.high < 0.0:
                needs.append(f"its {measure} is less than that of {champion} by {-gain.value:.3f} ({-gain.high:.3f} to {-gain.low:.3f})")  # type: ignore[operator]
        return needs


def pair_of(known: KnownOutcomes, champion: str, name: str, found: Comparison) -> Comparison:
    """The comparison of one challenger alone with the champion: another one that is not ready yet must not hide events from it."""
    if name == champion or len(found.models) == 2:
        return found
    return compare(known, [champion, name], frozenset())


def _measured(estimates: Mapping[str, Estimate]) -> dict[str, Measured]:
    return {measure: Measured(*estimate) for measure, estimate in estimates.items()}
