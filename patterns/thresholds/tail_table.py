"""What cohorts have taught: usual values and spreads to begin with, and how far out a standardised value is rare."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from patterns.thresholds.cells import CELLS, CUTS, LEVELS

Forms = Mapping[str, tuple[str, tuple[int | None, ...]]]

ARRAYS: Final[Forms] = {
    "cohorts": ("<i8", (None,)),
    "usual": ("<f8", (None,)),
    "spread": ("<f8", (None, LEVELS)),
    "cuts": ("<f8", (None, CUTS)),
    "quantiles": ("<f8", (None, CELLS)),
    "counts": ("<f8", (None, CELLS)),
}
"""The forms of the arrays of a table, by name; see `TailTable`."""


class TailTable:
    """Holds what is known of c cohorts at one moment. Row 0 stands for all cohorts together, and for those that are not known.

    Args:
        cohorts: [c - 1] keys of the cohorts of rows 1 and on, ascending.
        usual: [c] mean of the cohort's values; NaN where nothing is known.
        spread: [c, LEVELS] spread of an entity around its own mean, 0 or above, by level; NaN where nothing is known.
        cuts: [c, CUTS] usual values that part the levels, ascending.
        quantiles: [c, CELLS] standardised values that the declared rate of events exceeds; NaN where too little is known.
        counts: [c, CELLS] number of events that stand behind each quantile, decayed.

    Attributes:
        known: usual, spread, cuts and quantiles, by which thresholds are told.

    Raises:
        ValueError: these are no such arrays.
    """

    def __init__(
        self,
        cohorts: NDArray[np.int64],
        usual: NDArray[np.float64],
        spread: NDArray[np.float64],
        cuts: NDArray[np.float64],
        quantiles: NDArray[np.float64],
        counts: NDArray[np.float64],
    ) -> None:
        lengths = {len(cohorts) + 1, len(usual), len(spread), len(cuts), len(quantiles), len(counts)}
        if len(lengths) != 1:
            raise ValueError(f"expected arrays of one row for all and one a cohort, got lengths {sorted(lengths)}")
        ascend = np.all(cohorts[1:] > cohorts[:-1])  # the difference of two keys can be beyond a word
        if not (ascend and np.all(np.diff(cuts, axis=1) >= 0.0) and not np.any(spread < 0.0)):
            raise ValueError("expected cohorts and cuts in ascending order, and spreads of at least 0")
        self.cohorts = cohorts
        self.usual = usual
        self.spread = spread
        self.cuts = cuts
        self.quantiles = quantiles
        self.counts = counts
        self.known = (usual, spread, cuts, quantiles)

    def rows_of(self, cohorts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows [n] of cohorts with these keys [n]; 0 for those that are not known."""
        if not len(self.cohorts):
            return np.zeros(len(cohorts), np.int64)
        at = np.minimum(np.searchsorted(self.cohorts, cohorts), len(self.cohorts) - 1)
        return np.where(self.cohorts[at] == cohorts, at + 1, 0)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns what `from_arrays` takes."""
        return {name: getattr(self, name) for name in ARRAYS}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> "TailTable":
        """Makes the table that gave these arrays.

        Raises:
            ValueError: no table can have given them.
        """
        return TailTable(**{name: np.ascontiguousarray(arrays[name]) for name in ARRAYS})


NOTHING_KNOWN: Final = TailTable(
    np.zeros(0, np.int64),
    np.full(1, np.nan),
    np.full((1, LEVELS), np.nan),
    np.zeros((1, CUTS)),
    np.full((1, CELLS), np.nan),
    np.zeros((1, CELLS)),
)
"""The table before the first snapshot: no threshold can be told by it."""
