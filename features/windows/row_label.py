"""Encodes the LABEL cell of a row: the label, its time and the rank of its source, and above them the number of the row's corrections.

From the lowest bit: whether the label is positive, a bit that says that there is a label, 48 bits of the label's time, and 4 bits of the
rank (`features.schema.label_sources`) in two's complement. Cells from before there were ranks have a rank of 0 there, that of an unnamed
source.
"""

import numpy as np
from numpy.typing import NDArray

from foundation.borrowing import inner
from foundation.number_arrays import Int64s

VISIBLE_MAX_MS = (1 << 48) - 1
"""The latest time of a label that fits into the cell: in the year 10889."""
CORRECTIONS_MAX = 254
"""The maximum number of corrections of a row. A retraction is not counted, so it stays possible after them."""
_COUNT_BIT = 54
_LABEL = (1 << _COUNT_BIT) - 1
_RANK_BIT = 50
_RANK = 15
_LOWEST = 8 << _RANK_BIT
_TIMED = (1 << _RANK_BIT) - 1


@inner
def label_of(word: int) -> int:
    """Returns the label alone, without the count of corrections; 0 where the row has none."""
    return word & _LABEL


@inner
def label_cell(label: int, visible_ms: int, rank: int) -> int:
    """Returns what `label_of` gives for a label, 0 or 1, that is visible from `visible_ms` on and comes from a source of `rank`."""
    return ((rank & _RANK) << _RANK_BIT) + (visible_ms << 2) + 2 + label


@inner
def standing_of(label: int) -> int:
    """Returns a number by which two labels are compared, each as `label_of` gives it: the greater one stands.

    It orders by the rank of the source, then by the time, then a positive above a negative.
    """
    return label ^ _LOWEST


def standings(labels: NDArray[np.int8], visible_ms: Int64s, ranks: NDArray[np.int8]) -> Int64s:
    """Returns `standing_of` of n labels."""
    visible = np.clip(visible_ms, 0, VISIBLE_MAX_MS)
    return (ranks.astype(np.int64) & _RANK ^ 8) << _RANK_BIT | visible << 2 | 2 | labels.astype(np.int64)


@inner
def with_label(word: int, label: int) -> int:
    """Returns the cell with another label and the same count of corrections."""
    return (word & ~_LABEL) | label


@inner
def corrections_of(word: int) -> int:
    """Returns how many corrections of the row have come, repeated ones included."""
    return word >> _COUNT_BIT


@inner
def with_correction(word: int) -> int:
    """Returns the cell with one correction more; at `CORRECTIONS_MAX` the count stays."""
    return word + (1 << _COUNT_BIT) if corrections_of(word) < CORRECTIONS_MAX else word


@inner
def label_state(word: int, time_ms: int) -> int:
    """Returns 0 for unlabelled, 1 for negative, 2 for positive, as seen at `time_ms`."""
    label = label_of(word)
    return 1 + (label & 1) if label != 0 and (label & _TIMED) >> 2 <= time_ms else 0
