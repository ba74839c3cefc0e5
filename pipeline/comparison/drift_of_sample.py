"""Measures drift on a sample of scored events: each input of a model, each model's score, and the share of fraud."""

from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from features.schema.label_sources import LabelSources
from pipeline.comparison.drift import REFERENCE_DAYS, Drift, drift_of, drift_of_labels
from pipeline.comparison.known_outcomes import DAY_MS, known_outcomes, scores_of
from stores.scored_events import ScoredEvent, ScoredSample

REFERENCE_MS = REFERENCE_DAYS * DAY_MS


def newest_whole_day(newest_ms: int) -> int:
    """Returns the beginning of the newest day that is over at the event time `newest_ms`; 0 before there is one."""
    return max(0, newest_ms // DAY_MS * DAY_MS - DAY_MS)


def drift_of_day(
    sample: ScoredSample,
    day_ms: int,
    numbers: Mapping[str, frozenset[int]],
    models: Mapping[str, frozenset[int]],
    limit: float,
) -> Iterator[Drift | None]:
    """Gives the drift of numbers and of models' scores on one day.

    Args:
        sample: with numbers.
        numbers: by ``event.`` or ``feature.`` name, the releases in which it is what it is now.
        models: by name, the same of models.
        limit: see `drift_of`.
    """
    before = [event for event in sample.events if day_ms - REFERENCE_MS <= event.at_ms < day_ms]
    now = [event for event in sample.events if day_ms <= event.at_ms < day_ms + DAY_MS]
    for name, releases in numbers.items():
        yield drift_of(name, _numbers(name, before, releases), _numbers(name, now, releases), limit)
    for name, releases in models.items():
        said, usual = (_known(scores_of(name, events, releases)) for events in (now, before))
        yield drift_of(f"model.{name}", usual, said, limit)


def label_drift(sample: ScoredSample, day_ms: int, sources: LabelSources, negative_after_ms: int, limit: float) -> Drift | None:
    """Gives the drift of the share of fraud on a day whose outcomes are known; see `known_outcomes`."""
    known = known_outcomes(sample, {}, sources, negative_after_ms)
    before = (known.days < day_ms) & (known.days >= day_ms - REFERENCE_MS)
    return drift_of_labels(known.fraud[before], known.fraud[known.days == day_ms], limit)


def _numbers(name: str, events: Collection[ScoredEvent], releases: frozenset[int]) -> NDArray[np.float64]:
    values = (event.numbers.get(name) for event in events if event.release in releases)
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _known(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    known: NDArray[np.float64] = scores[~np.isnan(scores)]
    return known
