"""Scores with a model of River that is rebuilt from a snapshot, see `detectors.river.state_reading`."""

import math
from collections.abc import Mapping
from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.learner import Arrays
from detectors.matrix import as_matrix
from detectors.river.allowed import SCORING_ROLES, VERSION
from detectors.river.building import input_names
from detectors.river.scores import Row, as_row, contributions_of, score_of
from detectors.river.state_reading import read_in_slices, read_state
from detectors.scores.recent_scores import LEVELS, mid_ranks
from detectors.snapshot_kind import Form
from foundation.slices import Slices

ARRAYS: Final[Mapping[str, Form]] = {
    "river": ("|u1", (None,)),
    "state": ("|u1", (None,)),
    "form": ("<i8", (3,)),
    "since": ("<f8", (1,)),
    "score_grid": ("<f8", (None,)),
}
"""The arrays that a model of River publishes."""

HALF_LIFE: Final = 1_000.0
"""Events after which a drift that was found counts half."""
INPUTS_MAX: Final = 1_000


class RiverScoring:
    """Scores row by row with River itself: microseconds to milliseconds a row, as `weir check` measures.

    Contributions are what each input adds when it is told after those before it; `base` is the score of a row without any.

    Args:
        arrays: `river` its version; `state` of the model; `form`: number of inputs, place of the role in `ROLES`, and 1 where scores lie in
            [0, 1]; `since` the last drift, in events; `score_grid` of recent scores.

        model: that state, where somebody has read it; see `in_slices`.

    Raises:
        ValueError: a model of this version of River cannot have published these arrays.
    """

    ROLES: ClassVar[tuple[str, ...]] = SCORING_ROLES
    scale: Literal["log_odds", "score"] = "score"

    def __init__(self, arrays: Arrays, model: object = None) -> None:
        version_cells(expect_array(arrays, "river", "|u1", (None,)))
        self.inputs, role, unit = (int(each) for each in expect_array(arrays, "form", "<i8", (3,)))
        if not (1 <= self.inputs <= INPUTS_MAX and 0 <= role < len(self.ROLES)):
            raise ValueError(
                f"array 'form': expected 1 to {INPUTS_MAX} inputs and a role below {len(self.ROLES)}, got {self.inputs}, {role}"
            )
        self._role = self.ROLES[role]
        self._grid = expect_array(arrays, "score_grid", "<f8", (None,))
        if len(self._grid) not in (0, len(LEVELS)) or not bool(np.all(np.diff(self._grid) >= 0.0)):
            raise ValueError(f"array 'score_grid': expected {len(LEVELS)} scores in ascending order, got {len(self._grid)}")
        self._since = float(expect_array(arrays, "since", "<f8", (1,))[0])
        self._names = input_names(self.inputs)
        if model is None:
            model = read_state(expect_array(arrays, "state", "|u1", (None,)).tobytes())
        _expect_method(model, {"classifier": "predict_proba_one", "drift": "update"}.get(self._role, "score_one"))
        self._score = score_of(model, self._role, bool(unit), self._names)
        nothing = self._one(Row())
        self.base = 0.0 if math.isnan(nothing) else nothing

    @classmethod
    def in_slices(cls, arrays: Arrays) -> Slices["RiverScoring"]:
        """Makes it in slices of some milliseconds, see `detectors.river.state_reading.read_in_slices`."""
        version_cells(expect_array(arrays, "river", "|u1", (None,)))
        model = yield from read_in_slices(expect_array(arrays, "state", "|u1", (None,)).tobytes())
        return cls(arrays, model)

    @staticmethod
    def freshness(since: float) -> float:
        """Returns 1 for a drift that was found by the latest event, and 0 before the first; see `HALF_LIFE`."""
        return float(0.5 ** ((since - 1.0) / HALF_LIFE)) if since > 0.0 else 0.0

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores [n] in [0, 1] of the rows of `x` [n, inputs]; NaN where River cannot take a row."""
        return np.array([self._one(as_row(row, self._names)) for row in as_matrix(x, self.inputs)], np.float64)

    def probability_many(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns a classifier's scores themselves; mid-ranks [n] among recent scores of others, NaN while there are none."""
        return raw if self._role == "classifier" else mid_ranks(raw, self._grid)

    def contributions_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns [n, inputs] contributions, which with `base` add up to the score; each costs one score more."""
        rows = as_matrix(x, self.inputs)
        return np.array([contributions_of(self._one, row, self._names, self.base) for row in rows]).reshape(rows.shape)

    def _one(self, row: Row) -> float:
        return self.freshness(self._since) if self._role == "drift" else self._score(row)


def version_cells(found: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Returns the version of River as an array, and refuses `found` if it is that of another.

    Raises:
        ValueError: says which version made it, and what to do.
    """
    own = np.frombuffer(VERSION.encode(), np.uint8).copy()
    if found is not None and not np.array_equal(found, own):
        other = bytes(found[:20]).decode("ascii", "replace")
        raise ValueError(f"expected a model of River {VERSION}, got one of {other}: learn it anew, or run the version that made it")
    return own


def _expect_method(model: object, name: str) -> None:
    if not type(model).__module__.startswith("river.") or not callable(getattr(type(model), name, None)):
        raise ValueError(f"array 'state': expected a model of River with {name}, got {type(model).__name__}")
