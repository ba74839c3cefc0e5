"""The LABEL word of a row: the label and its time, and above them how often the row was corrected."""

from foundation.compiled import inner

VISIBLE_MAX_MS = 1 << 51
"""The latest time of a label that a row has room for."""
CORRECTIONS_MAX = 254
"""Corrections that a row takes. A retraction needs no count, so that it is possible after them, too."""
_COUNT_BIT = 54
_LABEL = (1 << _COUNT_BIT) - 1


@inner
def label_of(word: int) -> int:
    """The label alone: visible_ms * 4 + 2 + positive, or 0 where the row has none."""
    return word & _LABEL


@inner
def with_label(word: int, label: int) -> int:
    """The same count of corrections beside another label."""
    return (word & ~_LABEL) | label


@inner
def corrections_of(word: int) -> int:
    """How many corrections of the row have come, repeated ones included."""
    return word >> _COUNT_BIT


@inner
def with_correction(word: int) -> int:
    """One correction more; at `CORRECTIONS_MAX` the count stays."""
    return word + (1 << _COUNT_BIT) if corrections_of(word) < CORRECTIONS_MAX else word


@inner
def label_state(word: int, time_ms: int) -> int:
    """0 unlabelled, 1 negative, 2 positive, as seen at `time_ms`."""
    label = label_of(word)
    return 1 + (label & 1) if label != 0 and (label >> 2) <= time_ms else 0
