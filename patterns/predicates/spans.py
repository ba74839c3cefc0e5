"""Sets of 64-bit numbers as closed spans, and the numbers under which values are compared.

Every value of an attribute has such a number, so that all comparisons with constants are questions of the same kind: integers and times
stand for themselves, bools are 0 and 1, doubles are numbered in their order, and texts are numbered as they are met.
"""

import math
import struct
from collections.abc import Callable, Iterable

Spans = tuple[tuple[int, int], ...]
"""Disjoint spans in ascending order, both edges inclusive; between two of them is a gap."""

NUMBER_MIN = -(1 << 63)
NUMBER_MAX = (1 << 63) - 1
NOTHING: Spans = ()
EVERYTHING: Spans = ((NUMBER_MIN, NUMBER_MAX),)
_MAGNITUDE = (1 << 63) - 1


def number_of_double(value: float) -> int:
    """Returns the place of a double, which is not NaN, in the order of all doubles; 0.0 and -0.0 have the same."""
    bits: int = struct.unpack("<q", struct.pack("<d", value + 0.0))[0]
    return bits if bits >= 0 else bits ^ _MAGNITUDE


def spans_of(pairs: Iterable[tuple[int, int]]) -> Spans:
    """Returns the spans that hold what `pairs` hold, in any order; a pair whose first is above its second holds nothing."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(pair for pair in pairs if pair[0] <= pair[1]):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def union(a: Spans, b: Spans) -> Spans:
    """Returns what is in `a` or `b`."""
    return spans_of((*a, *b))


def complement(spans: Spans) -> Spans:
    """Returns what is not in `spans`."""
    found: list[tuple[int, int]] = []
    start = NUMBER_MIN
    for low, high in spans:
        found.append((start, low - 1))
        start = high + 1
    return tuple(pair for pair in (*found, (start, NUMBER_MAX)) if pair[0] <= pair[1])


def intersection(a: Spans, b: Spans) -> Spans:
    """Returns what is in both."""
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if low <= high:
            found.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def compared(operator: str, number: int) -> Spans:
    """Returns the numbers x for which ``x operator number`` holds."""
    if operator == "==":
        return ((number, number),)
    if operator == "!=":
        return complement(((number, number),))
    below, above = spans_of([(NUMBER_MIN, number - 1)]), spans_of([(number + 1, NUMBER_MAX)])
    return {"<": below, "<=": union(below, ((number, number),)), ">": above, ">=": union(above, ((number, number),))}[operator]


def ints_compared_with_double(operator: str, bound: float) -> Spans:
    """Returns the integers whose nearest doubles compare so with `bound`, which is not NaN."""
    first = _first_int_whose_double(lambda value: value >= bound)
    beyond = _first_int_whose_double(lambda value: value > bound)
    below, equal, above = (NUMBER_MIN, first - 1), (first, beyond - 1), (beyond, NUMBER_MAX)
    chosen = {"==": (equal,), "!=": (below, above), "<": (below,), "<=": (below, equal), ">": (above,), ">=": (equal, above)}[operator]
    return spans_of(chosen)


def _first_int_whose_double(holds: Callable[[float], bool]) -> int:
    """Returns the first 64-bit integer for whose double `holds`, which stays true from there on; one beyond the greatest if none."""
    low, high = NUMBER_MIN, NUMBER_MAX + 1
    while low < high:
        middle = (low + high) // 2
        if holds(float(middle)):
            high = middle
        else:
            low = middle + 1
    return low


def is_nan(value: object) -> bool:
    """Tells whether a value is the double that equals nothing."""
    return isinstance(value, float) and math.isnan(value)
