"""Counts how often each value is in a window: the number of values, the most common one, and the entropy of their shares.

The cells are: rows with a value, different values, rows with the most common one, and the sum of c log2 c over their counts as a pair. Each
change takes constant time: beside the values, the table counts how many of them have each count, so that the largest count is known
also when it falls.
"""

import math

from features.layout.layout import Counts
from features.windows.double_double import add_pair
from features.windows.value_table import change_count
from foundation.borrowing import inner, outer
from foundation.number_arrays import Float64s

N, DISTINCT, TOP, SUM = range(4)


@inner
def owner_of_values(owner: int) -> int:
    """Returns the owner of the values in the table."""
    return 2 * owner


@inner
def spread(count: int) -> float:
    """Returns c log2 c."""
    return count * math.log2(count) if count > 0 else 0.0


@outer
def value_enter(counts: Counts, words: Float64s, row: int, at: int, owner: int, value: int, sign: float) -> None:
    """Adds (sign 1) or removes (-1) a row with `value`."""
    by = 1 if sign > 0.0 else -1
    new = change_count(counts.owners, counts.values, counts.counts, counts.used, owner_of_values(owner), value, by)
    old = new - by
    fewer = 1
    if old > 0:
        fewer = change_count(counts.owners, counts.values, counts.counts, counts.used, owner_of_values(owner) + 1, old, -1)
    if new > 0:
        change_count(counts.owners, counts.values, counts.counts, counts.used, owner_of_values(owner) + 1, new, 1)
    words[row, at + N] += sign
    words[row, at + DISTINCT] += (new > 0) - (old > 0)
    words[row, at + TOP] = max(words[row, at + TOP], new)
    if by < 0 and fewer == 0 and words[row, at + TOP] == old:
        words[row, at + TOP] = new
    if words[row, at + N] == 0.0:
        words[row, at + SUM] = 0.0
        words[row, at + SUM + 1] = 0.0
        return
    add_pair(words, row, at + SUM, spread(new))
    add_pair(words, row, at + SUM, -spread(old))


@inner
def entropy_bits(words: Float64s, row: int, at: int) -> float:
    """Returns Shannon's entropy of the values' shares in bits; NaN without values."""
    n = words[row, at + N]
    if n <= 0.0:
        return math.nan
    return float(max(math.log2(n) - (words[row, at + SUM] + words[row, at + SUM + 1]) / n, 0.0))
