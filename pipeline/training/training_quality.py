"""How well a model has ranked the events of a replay before it learned from them: what is kept with a training."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.comparison.known_outcomes import DAY_MS, KnownOutcomes
from pipeline.comparison.reliability import reliability
from pipeline.comparison.side_by_side import CARD_PRECISION, compare
from pipeline.engine.event_keys import Recorded
from pipeline.replay.quality import quality_of
from pipeline.replay.replay import Outcome

CURVE_POINTS = 40
_AT_ONCE = 65_536
_OF_DAYS = (CARD_PRECISION, "calibration_error")


def training_quality(outcome: Outcome, name: str, recorded: Recorded) -> dict[str, Any]:
    """Returns measures, and what plots show, of the events that the model `name` had scored; those without a label count as legitimate.

    Besides what a replay says these are the share of users with a fraud among the 100 highest of a day, the expected calibration error, the
    measures' intervals by a bootstrap of days (see `pipeline.comparison.side_by_side`), and under ``plots`` both curves and the bins of
    reliability. Some 2 s of CPU for a million events.
    """
    scores = outcome.scores.get(f"model.{name}", np.empty(0))
    scored = ~np.isnan(scores)
    marks, values, places = outcome.marks[scored], scores[scored], outcome.places[scored]
    found = {"events": int(scored.sum()), "frauds": int(marks.sum())}
    if not 0 < found["frauds"] < found["events"]:
        return found
    days = recorded.times_ms[places] // DAY_MS * DAY_MS
    known = KnownOutcomes(days, _users_of(recorded, places), marks > 0, {name: values}, np.full(len(values), np.nan), {})
    estimates = compare(known, [name], frozenset({name})).models[name]
    measures = quality_of(marks, values) | {measure: estimates[measure].value for measure in _OF_DAYS}
    intervals = {measure: [each.low, each.high] for measure, each in estimates.items() if each.low is not None}
    plots = {**curves_of(marks > 0, values), "reliability": [each._asdict() for each in reliability(values, marks > 0)]}
    return found | {measure: value for measure, value in measures.items() if _is_known(value)} | {"intervals": intervals, "plots": plots}


def curves_of(fraud: NDArray[np.bool_], scores: NDArray[np.float64]) -> dict[str, list[list[float]]]:
    """Returns points of two curves: ``roc``, recall by false positives, and ``precision``, precision by recall.

    The false positives are shares of 0.01 % to 100 %, evenly by their logarithm, and the recalls go evenly from 0 to 1.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(fraud[order])
    recall, false = hits / hits[-1], (np.arange(1, len(order) + 1) - hits) / max(int((~fraud).sum()), 1)
    shares = np.logspace(-4.0, 0.0, CURVE_POINTS)
    within = np.searchsorted(false, shares, side="right")
    at_shares = np.where(within > 0, recall[np.maximum(within - 1, 0)], 0.0)
    recalls = np.linspace(1.0 / CURVE_POINTS, 1.0, CURVE_POINTS)
    rows = np.minimum(np.searchsorted(recall, recalls, side="left"), len(recall) - 1)
    precisions = hits[rows] / (rows + 1.0)
    return {"roc": _points(shares, at_shares), "precision": _points(recalls, precisions)}


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[list[float]]:
    return [[round(float(each), 6) for each in point] for point in zip(x, y, strict=True)]


def _users_of(recorded: Recorded, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for the user of each event; some of the events are read at a time, since they may lie on the disk."""
    numbers: dict[str, int] = {}
    found = np.empty(len(places), np.int64)
    for first in range(0, len(places), _AT_ONCE):
        users = recorded.take(places[first : first + _AT_ONCE]).users
        found[first : first + len(users)] = [numbers.setdefault(user, len(numbers)) for user in users]
    return found


def _is_known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)
