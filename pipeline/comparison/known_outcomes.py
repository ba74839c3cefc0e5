"""Which events of a sample are known to be fraud or legitimate, and what each model said of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.schema.label_sources import LabelSources
from stores.scored_events import GivenLabelOf, ScoredEvent, ScoredSample

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class KnownOutcomes:
    """Holds n events with a known outcome.

    Args:
        days: [n] the beginning of each event's day, in ms since the epoch.
        users: [n] a number for each event's user.
        fraud: [n] whether it is fraud.
        scores: by model, [n] its raw scores; NaN where it gave none.
        probabilities: [n] the probability that the decision named; NaN where it named none.
        shares: by day, the share of the users that the sample holds.
    """

    days: NDArray[np.int64]
    users: NDArray[np.int64]
    fraud: NDArray[np.bool_]
    scores: Mapping[str, NDArray[np.float64]]
    probabilities: NDArray[np.float64]
    shares: Mapping[int, float]

    def scored_by(self, models: Sequence[str]) -> NDArray[np.bool_]:
        """Returns [n] whether all of `models` gave an event a score: only on these events are they side by side."""
        found: NDArray[np.bool_] = np.all([~np.isnan(self.scores[name]) for name in models], axis=0)
        return found


def known_outcomes(
    sample: ScoredSample,
    models: Mapping[str, frozenset[int]],
    sources: LabelSources,
    negative_after_ms: int,
) -> KnownOutcomes:
    """Returns the events of `sample` whose outcome is known.

    The label that stands is that of the highest source, of equal ones the newest, then the positive one. Without a label an event counts as
    legitimate once it is `negative_after_ms` older than the newest one, unless it was blocked: nobody reports what did not happen.

    Args:
        models: by name, the releases in which the model is what it is now; what it said under others does not count.
        sources: say which of several labels stands.
    """
    standing = _standing(sample.labels, sources)
    ripe_ms = max((event.at_ms for event in sample.events), default=0) - negative_after_ms
    events = [event for event in sample.events if event.event in standing or (event.at_ms <= ripe_ms and event.action != "block")]
    numbers: dict[str, int] = {}
    return KnownOutcomes(
        np.array([event.at_ms // DAY_MS * DAY_MS for event in events], np.int64),
        np.array([numbers.setdefault(event.user, len(numbers)) for event in events], np.int64),
        np.array([standing.get(event.event, 0) == 1 for event in events], np.bool_),
        {name: scores_of(name, events, releases) for name, releases in models.items()},
        np.array([np.nan if event.probability is None else event.probability for event in events], np.float64),
        sample.shares,
    )


def scores_of(model: str, events: Sequence[ScoredEvent], releases: frozenset[int]) -> NDArray[np.float64]:
    """Returns [n] what `model` said of events under one of `releases`; NaN where it said nothing."""
    said = (event.scores.get(model) if event.release in releases else None for event in events)
    return np.array([np.nan if score is None else score for score in said], np.float64)


def _standing(labels: Iterable[GivenLabelOf], sources: LabelSources) -> dict[str, int]:
    best: dict[str, tuple[int, int, int]] = defaultdict(lambda: (-1, -1, -1))
    for each in labels:
        best[each.event] = max(best[each.event], (sources.rank(each.source), each.label_time, each.label))
    return {event: label for event, (_, _, label) in best.items()}
