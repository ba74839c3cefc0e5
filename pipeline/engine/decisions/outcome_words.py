"""Compiled calls on columns of verdicts: what is remembered of a decision in a word, and the flags that any event has."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

DECIDER_BIT: Final = 31
REVISION_BIT: Final = 35
REASONS_BIT: Final = 43
INPUT_BITS: Final = 7
RULE_BITS: Final = 10
ONE_RULE_BIT: Final = 20
"""Set where the bits below hold one rule, whose position does not fit into `RULE_BITS`."""
SILENT: Final = 1
SUSPECTED: Final = 2
_SMALL: Final = (1 << RULE_BITS) - 1


@compiled("int64(uint16[:])")
def common_flags(flags: NDArray[np.uint16]) -> int:
    """Returns the bits that any of `flags` has."""
    found = np.int64(0)
    for i in range(len(flags)):
        found |= np.int64(flags[i])
    return int(found)


@compiled("void(uint16[:], int64, int64, int64, boolean[:, ::1])")
def divide(flags: NDArray[np.uint16], none: int, again: int, late: int, out: NDArray[np.bool_]) -> None:
    """Writes for each event whether it has none of the flags `none`, none of `again`, and any of `late`, [3, n]."""
    for i in range(len(flags)):
        own = np.int64(flags[i])
        out[0, i], out[1, i], out[2, i] = own & none == 0, own & again == 0, own & late != 0


@compiled("void(uint16[:], float64[:], uint8[:], int64, int64, int64, int64, int64[::1])")
def tell(
    flags: NDArray[np.uint16],
    scores: NDArray[np.float64],
    missing: NDArray[np.uint8],
    silent: int,
    unless: int,
    lacking: int,
    always: int,
    out: NDArray[np.int64],
) -> None:
    """Writes the flags [n] of decisions: those of their events and `always`, with `silent` where there is no score (NaN) and none of the
    flags `unless`, and with `lacking` where an answer is `missing`.
    """
    for i in range(len(flags)):
        own = np.int64(flags[i])
        if np.isnan(scores[i]) and own & unless == 0:
            own |= silent
        out[i] = own | always | (lacking if missing[i] else 0)


@compiled("int64(float64[:], uint8[:], int64)")
def unusual_of(scores: NDArray[np.float64], actions: NDArray[np.uint8], usual: int) -> int:
    """Returns `SILENT` where any event has no score (NaN), together with `SUSPECTED` where any action is not `usual`."""
    found = 0
    for i in range(len(scores)):
        if np.isnan(scores[i]):
            found |= SILENT
        if actions[i] != usual:
            found |= SUSPECTED
    return found


@compiled("void(uint8[:], int8[:], int8[:, :], int64[:], int64[:], uint8[:], int16[:, :], boolean[:], int64[:])")
def pack(
    actions: NDArray[np.uint8],
    chosen: NDArray[np.int8],
    reasons: NDArray[np.int8],
    releases: NDArray[np.int64],
    revisions: NDArray[np.int64],
    deciders: NDArray[np.uint8],
    rules: NDArray[np.int16],
    is_by_rules: NDArray[np.bool_],
    out: NDArray[Any],
) -> None:
    """Writes the word [n] of each decision; `is_by_rules` says it of each code of `deciders`."""
    for i in range(len(out)):
        word = np.int64(actions[i]) | (np.int64(chosen[i]) + 1) << 2 | releases[i] << 8
        word |= np.int64(deciders[i]) << DECIDER_BIT | revisions[i] << REVISION_BIT
        named = np.int64(0)
        if is_by_rules[deciders[i]]:
            first, second = np.int64(rules[i, 0]) + 1, np.int64(rules[i, 1]) + 1
            if first > _SMALL:
                named = first | np.int64(1) << ONE_RULE_BIT
            else:
                named = first | (second if second <= _SMALL else np.int64(0)) << RULE_BITS
        else:
            for place in range(reasons.shape[1]):
                named |= (np.int64(reasons[i, place]) + 1) << INPUT_BITS * place
        out[i] = word | named << REASONS_BIT
