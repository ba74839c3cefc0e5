"""How well models ranked fraud above the rest week by week, on the same events."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.comparison.known_outcomes import DAY_MS, KnownOutcomes
from pipeline.comparison.ranking import Counts
from pipeline.comparison.side_by_side import CARD_PRECISION, card_precisions

WEEK_DAYS = 7


class Week(NamedTuple):
    """Holds what is measured of one week.

    Args:
        from_ms: its beginning, in ms since the epoch; it is over 7 days later.
        events, frauds: the events of known outcome that all models scored, and how many are fraud.
        models: by model and measure (``auc``, ``ap``, ``card_precision_100``) its value; None where it is not defined.
    """

    from_ms: int
    events: int
    frauds: int
    models: dict[str, dict[str, float | None]]


def weeks_of(known: KnownOutcomes, models: Sequence[str]) -> list[Week]:
    """Measures `models` in each week with an event that all of them scored, the oldest first; the last one ends with the newest such day.

    About 0.1 s of CPU for 100,000 events and two models.
    """
    whole = known.scored_by(models)
    days, fraud = known.days[whole], known.fraud[whole]
    ago = (days.max(initial=0) - days) // (WEEK_DAYS * DAY_MS)
    weeks_ago, week_of = np.unique(-ago, return_inverse=True)
    found = {name: _measured(known, name, whole, week_of, len(weeks_ago)) for name in models}
    events, frauds = (np.bincount(week_of, weights, len(weeks_ago)).astype(np.int64) for weights in (None, fraud))
    end_ms = int(days.max(initial=0)) + DAY_MS
    return [
        Week(
            end_ms + (int(weeks_ago[at]) - 1) * WEEK_DAYS * DAY_MS,
            int(events[at]),
            int(frauds[at]),
            {name: {measure: _value(values[at]) for measure, values in each.items()} for name, each in found.items()},
        )
        for at in range(len(weeks_ago))
    ]


def _measured(
    known: KnownOutcomes, name: str, whole: NDArray[np.bool_], week_of: NDArray[np.int64], weeks: int
) -> dict[str, NDArray[np.float64]]:
    """By measure, its value [weeks]; NaN where it is not defined."""
    scores = known.scores[name][whole]
    ranking = Counts(scores, known.fraud[whole], week_of, weeks).rank(np.eye(weeks))
    first = np.unique(known.days[whole], return_index=True)[1]
    precisions, week_of_day = card_precisions(known, whole, scores), week_of[first]
    with np.errstate(invalid="ignore"):
        cards = np.bincount(week_of_day, precisions, weeks) / np.bincount(week_of_day, minlength=weeks)
    return {"auc": ranking.auc, "ap": ranking.ap, CARD_PRECISION: cards}


def _value(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
