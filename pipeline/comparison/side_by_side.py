"""Compares models on the same events, with intervals by a bootstrap of days."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.comparison.known_outcomes import KnownOutcomes
from pipeline.comparison.ranking import FALSE_POSITIVES, Counts

REPEATS = 200
DAYS_MIN = 7
"""With fewer days groups of users are drawn instead."""
USER_GROUPS = 50
CARDS = 100
CARD_PRECISION = f"card_precision_{CARDS}"
MEASURES = ("auc", "ap", *(f"recall_at_{share:.1%}" for share in FALSE_POSITIVES), CARD_PRECISION, "calibration_error")
"""What is measured of each model. Less is better for the last one alone."""
_SEED = 20_240_601


class Estimate(NamedTuple):
    """Holds a measure and the interval that holds it in 95 of 100 cases; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class Comparison(NamedTuple):
    """Holds models side by side, measured on the events that all of them scored.

    Args:
        events, frauds, days: how many these are.
        drawn: what the intervals come from: ``days`` or ``users``.
        models: the measures of each model.
        gains: the measures of each model less those of the first one, over the same draws.
    """

    events: int
    frauds: int
    days: int
    drawn: str
    models: dict[str, dict[str, Estimate]]
    gains: dict[str, dict[str, Estimate]]


def compare(known: KnownOutcomes, models: Sequence[str], probabilities: frozenset[str]) -> Comparison:
    """Measures `models` side by side, the first of which is the champion.

    Days are drawn with replacement, the same ones for every model: the bootstrap of Efron and Tibshirani (An Introduction to the Bootstrap,
    1993) with whole days, since payments of one day and card are not independent. The same events give the same intervals. About 0.3 s of
    CPU for 100,000 events and two models.

    Args:
        probabilities: the models whose scores are probabilities, of which alone there is a calibration.
    """
    whole = known.scored_by(models)
    days, day_of = np.unique(known.days[whole], return_inverse=True)
    by_day = len(days) >= DAYS_MIN
    units, count = (day_of, len(days)) if by_day else (known.users[whole] % USER_GROUPS, USER_GROUPS)
    fraud = known.fraud[whole]
    weights = _draws(count)
    drawn = {
        name: _measured(known, name, whole, units, count, weights, day_of if by_day else None, name in probabilities) for name in models
    }
    first = drawn[models[0]]
    return Comparison(
        int(whole.sum()),
        int(fraud.sum()),
        len(days),
        "days" if by_day else "users",
        {name: _estimates(values) for name, values in drawn.items()},
        {
            name: _estimates({measure: values[measure] - first[measure] for measure in MEASURES})
            for name, values in drawn.items()
            if name != models[0]
        },
    )


def _draws(units: int) -> NDArray[np.float64]:
    """[1 + REPEATS, units] how often each unit counts: once each, and then as it is drawn."""
    draw = np.random.default_rng(_SEED).integers(0, max(units, 1), (REPEATS, max(units, 1)))
    counts = np.stack([np.bincount(row, minlength=units) for row in draw]).astype(np.float64)
    return np.concatenate([np.ones((1, units)), counts[:, :units]])


def _measured(
    known: KnownOutcomes,
    name: str,
    whole: NDArray[np.bool_],
    units: NDArray[np.int64],
    count: int,
    weights: NDArray[np.float64],
    day_of: NDArray[np.int64] | None,
    is_probability: bool,
) -> dict[str, NDArray[np.float64]]:
    """By measure, its value [1 + REPEATS] in each draw."""
    scores, fraud = known.scores[name][whole], known.fraud[whole]
    ranking = Counts(scores, fraud, units, count).rank(weights)
    precisions = card_precisions(known, whole, scores)
    nothing = np.full(len(weights), np.nan)
    cards = nothing.copy()
    if day_of is not None:
        cards = _mean_of_days(weights, precisions)
    elif len(precisions):
        cards[0] = np.nanmean(precisions)
    each = (ranking.auc, ranking.ap, *ranking.recalls.T, cards, ranking.calibration if is_probability else nothing)
    return dict(zip(MEASURES, each, strict=True))


def _mean_of_days(weights: NDArray[np.float64], precisions: NDArray[np.float64]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = weights @ precisions / np.maximum(weights.sum(axis=1), 1e-300)
    return means


def card_precisions(known: KnownOutcomes, whole: NDArray[np.bool_], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns, for each day in its order, the share of users with a fraud on it among the 100 with the highest scores.

    Of a sample of users it is the sample's share of 100.
    """
    days, users, fraud = known.days[whole], known.users[whole], known.fraud[whole]
    found = []
    for day in np.unique(days).tolist():
        own = days == day
        names, at = np.unique(users[own], return_inverse=True)
        highest, bad = np.full(len(names), -np.inf), np.zeros(len(names), np.bool_)
        np.maximum.at(highest, at, scores[own])
        np.logical_or.at(bad, at, fraud[own])
        most = max(1, round(CARDS * known.shares.get(day, 1.0)))
        found.append(bad[np.argsort(-highest, kind="stable")[:most]].mean())
    return np.array(found)


def _estimates(values: Mapping[str, NDArray[np.float64]]) -> dict[str, Estimate]:
    return {measure: _estimate(each) for measure, each in values.items()}


def _estimate(values: NDArray[np.float64]) -> Estimate:
    drawn = values[1:][~np.isnan(values[1:])]
    value = None if np.isnan(values[0]) else float(values[0])
    if value is None or len(drawn) < REPEATS // 2:
        return Estimate(value, None, None)
    low, high = np.quantile(drawn, (0.025, 0.975)).tolist()
    return Estimate(value, low, high)
