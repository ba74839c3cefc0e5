"""Encodes the LABEL cell of a row: the label and its time, and above them the number of the row's corrections."""

from foundation.compiled import inner

VISIBLE_MAX_MS = 1 << 51
"""The latest time of a label that fits into the cell."""
CORRECTIONS_MAX = 254
"""The maximum number of corrections of a row. A retraction is not counted, so it stays possible after them."""
_COUNT_BIT = 54
_LABEL = (1 << _COUNT_BIT) - 1


@inner
def label_of(word: int) -> int:
    """Returns the label alone: visible_ms * 4 + 2 + positive, or 0 where the row has none."""
    return word & _LABEL


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
    return 1 + (label & 1) if label != 0 and (label >> 2) <= time_ms else 0
