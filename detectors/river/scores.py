"""How rows become what River takes, and how its scores become numbers that the engine can compare."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.missing import LARGEST

RAISED: Final = (ArithmeticError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, ValueError)
"""What a model of River raises on a row that it cannot take, such as one without an input that it asks for."""

Row = dict[str, float]
Score = Callable[[Row], float]


def as_row(values: NDArray[np.float64], names: Sequence[str]) -> Row:
    """Returns the inputs by name; missing ones are left out, which is River's way to say so."""
    return {name: value for name, value in zip(names, values.tolist(), strict=True) if abs(value) <= LARGEST}


def to_unit(score: float) -> float:
    """Returns a score without bounds as one in (0, 1) that rises with it: 0.5 at 0, 0.75 at 1, 0.99 at 49."""
    return 0.5 + 0.5 * score / (1.0 + abs(score))


def score_of(model: Any, role: str, unit: bool, names: Sequence[str]) -> Score:
    """Returns what scores a row: a number in [0, 1], or NaN where the model cannot take the row.

    Args:
        role: of the class that gives the score, see `detectors.river.parameter.Role`; ``drift`` has no score of a row.
        unit: its scores lie in [0, 1] already.
        names: of all inputs.
    """

    def plain(row: Row) -> float:
        if role == "classifier":
            return float(model.predict_proba_one(row).get(True, 0.0))
        return float(model.score_one({}, row[names[0]]) if role == "anomaly_of_one" else model.score_one(row))

    def safe(row: Row) -> float:
        try:
            score = plain(row)
        except RAISED:
            return math.nan
        within = score if unit else to_unit(score)
        return min(max(within, 0.0), 1.0) if math.isfinite(within) else math.nan

    return safe


def contributions_of(score: Score, values: NDArray[np.float64], names: Sequence[str], base: float) -> NDArray[np.float64]:
    """Returns [inputs] what each input adds to the score once it is told, after those before it.

    They add up to the score, minus `base`, which is that of a row without any input. A step that gives no score adds nothing.
    """
    added = np.zeros(len(names))
    row, before, whole = Row(), base, as_row(values, names)
    for place, name in enumerate(names):
        if name in whole:
            row[name] = whole[name]
            after = score(row)
            if not math.isnan(after):
                added[place], before = after - before, after
    return added
