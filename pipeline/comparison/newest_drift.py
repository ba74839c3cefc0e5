"""Measures the drift of the newest day that is over, of all that the models of a release see and say, and of the share of fraud."""

from dataclasses import dataclass

from pipeline.comparison.drift import LABEL_RATE, Drift, worst_first
from pipeline.comparison.drift_of_sample import REFERENCE_MS, drift_of_day, label_drift, newest_whole_day
from pipeline.comparison.unchanged import Unchanged
from pipeline.engine.definitions.release import Release
from stores.effects import Effects


@dataclass(frozen=True, slots=True)
class NewestDrift:
    """Holds what was measured.

    Args:
        day_ms, labels_day_ms: beginning of the day of inputs and scores, and of that of the share of fraud, ms since the epoch.
        drifts: worst first; nothing of what was seen on too few events.
        subjects: all that can be measured of the release.
    """

    day_ms: int
    labels_day_ms: int
    drifts: tuple[Drift, ...]
    subjects: frozenset[str]


class DriftMeasure:
    """Reads the sample of scored events. Its calls block.

    Args:
        effects: keeps the sample.
        unchanged: knows in which releases a model or a number is the same.
    """

    def __init__(self, effects: Effects, unchanged: Unchanged) -> None:
        self._effects = effects
        self._unchanged = unchanged

    def newest_day_ms(self) -> int:
        """Returns the beginning of the newest day of event time that is over; 0 before there is one.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        return newest_whole_day(self._effects.newest_ms())

    def measure(self, release: Release) -> NewestDrift:
        """Measures the newest day that is over, which takes some seconds of a full sample of a month.

        Raises:
            StoreUnavailableError: a store does not answer.
        """
        newest_ms, limit = self._effects.newest_ms(), release.policy.drift_limit
        day_ms, labels_day_ms = (newest_whole_day(newest_ms - after_ms) for after_ms in (0, release.schema.negative_after_ms))
        sample = self._effects.scored_sample(max(0, day_ms - REFERENCE_MS), numbers=True)
        ids = {event.release for event in sample.events}
        models = self._unchanged.models(release, ids)
        numbers = self._unchanged.numbers(release, ids, models)
        found = [*drift_of_day(sample, day_ms, numbers, models, limit), self._of_labels(release, labels_day_ms)]
        subjects = frozenset((*numbers, *(f"model.{name}" for name in models), LABEL_RATE))
        return NewestDrift(day_ms, labels_day_ms, tuple(worst_first(found)), subjects)

    def _of_labels(self, release: Release, day_ms: int) -> Drift | None:
        sample = self._effects.scored_sample(max(0, day_ms - REFERENCE_MS))
        schema = release.schema
        return label_drift(sample, day_ms, schema.label_sources, schema.negative_after_ms, release.policy.drift_limit)
