"""Builds the index of conditions: cuts of attributes, cells between them, and by block of conditions which cells leave which possible.

They run without the interpreter lock, so that rules are compiled beside the stream.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from foundation.compiled import inner
from foundation.number_arrays import Int64s

MISSING_CELL, ERROR_CELL, NAN_CELL, FIRST_CELL = 0, 1, 2, 3
"""The cells of an attribute that hold no numbers, and the first one that does."""

WORDS = 8
"""A block holds this many words of 64 conditions."""

BLOCK = 64 * WORDS
ROWS_MAX = 4_096
"""A block tells so many cells of an attribute apart; where there are more, neighbours share a row, and what is found is verified."""

_MAX = (1 << 63) - 1
_MIN = -(1 << 63)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE = np.uint64(1)
Int32s = NDArray[np.int32]
Uint16s = NDArray[np.uint16]
Uint8s = NDArray[np.uint8]
Uint64s = NDArray[np.uint64]


@compiled("int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def find_cuts(attributes: Int64s, lows: Int64s, highs: Int64s, starts: Int64s, cuts: Int64s) -> int:
    """Writes the numbers at which some predicate changes its truth, by attribute in order, each once. Returns how many there are.

    Args:
        attributes, lows, highs: [spans] whose they are, and their edges, both inclusive.
        starts: [attributes + 1] written: where the cuts of each attribute begin.
        cuts: [2 spans] written.
    """
    width = len(starts) - 1
    counts = np.zeros(width + 1, np.int64)
    for i in range(len(attributes)):
        counts[attributes[i] + 1] += (lows[i] > _MIN) + (highs[i] < _MAX)
    ends = np.cumsum(counts)
    found = np.empty(ends[width], np.int64)
    places = ends.copy()
    for i in range(len(attributes)):
        at = attributes[i]
        if lows[i] > _MIN:
            found[places[at]] = lows[i]
            places[at] += 1
        if highs[i] < _MAX:
            found[places[at]] = highs[i] + 1
            places[at] += 1
    count = 0
    for at in range(width):
        starts[at] = count
        part = np.sort(found[ends[at] : ends[at + 1]])
        for i in range(len(part)):
            if i == 0 or part[i] != part[i - 1]:
                cuts[count] = part[i]
                count += 1
    starts[width] = count
    return count


@compiled("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def place_spans(attributes: Int64s, lows: Int64s, highs: Int64s, starts: Int64s, cuts: Int64s, first: Int64s, last: Int64s) -> None:
    """Writes for each span its first cell, and the cell behind its last."""
    for i in range(len(attributes)):
        of = cuts[starts[attributes[i]] : starts[attributes[i] + 1]]
        first[i] = FIRST_CELL + (np.searchsorted(of, lows[i], side="right") if lows[i] > _MIN else 0)
        last[i] = FIRST_CELL + (np.searchsorted(of, highs[i] + 1, side="right") if highs[i] < _MAX else len(of) + 1)


@compiled("void(int64, int64[::1], int64[::1], int64[:, ::1])")
def number_pairs(width: int, conditions: Int64s, attributes: Int64s, pair_of: NDArray[np.int64]) -> None:
    """Numbers the pairs of a block and an attribute of which one of its conditions demands something.

    Args:
        width: the number of attributes.
        conditions, attributes: [demands] of which condition, of which attribute.
        pair_of: [blocks, attributes] written: the pair; -1 where there is none.
    """
    pair_of[:] = -1
    for i in range(len(conditions)):
        pair_of[conditions[i] // BLOCK, attributes[i]] = 0
    pairs = 0
    for block in range(len(pair_of)):
        for attribute in range(width):
            if pair_of[block, attribute] == 0:
                pair_of[block, attribute] = pairs
                pairs += 1


@compiled("int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], uint16[::1])")
def divide_cells(demands: Int64s, spans: Int64s, first: Int64s, last: Int64s, sizes: Int64s, rows: Uint16s) -> int:
    """Gives each cell of an attribute its row in a block: cells that no demand tells apart share one. Returns how many there are.

    Args:
        demands: those of the block on the attribute.
        spans: [all demands + 1] where the spans of each begin.
        first, last: [all spans] cells.
        sizes: [1] written: how many rows there would be without a bound.
        rows: [cells] written.
    """
    marks = np.zeros(len(rows) + 1, np.int64)
    for place in range(len(demands)):
        for span in range(spans[demands[place]], spans[demands[place] + 1]):
            marks[first[span]] = 1
            marks[last[span]] = 1
    marks[FIRST_CELL] = 0
    segments = 1 + int(np.sum(marks[FIRST_CELL : len(rows)]))
    sizes[0] = segments
    rows[:FIRST_CELL] = np.arange(FIRST_CELL)
    segment = 0
    for cell in range(FIRST_CELL, len(rows)):
        segment += marks[cell]
        rows[cell] = FIRST_CELL + (segment * ROWS_MAX // segments if segments > ROWS_MAX else segment)
    return FIRST_CELL + min(segments, ROWS_MAX)


@inner
def _allow(table: Uint64s, flags: int, word: int, bit: np.uint64) -> None:
    """Sets the bit of a condition in the rows of missing values, errors and NaN, where they are allowed, and clears all others of it."""
    for row in range(len(table)):
        table[row, word] &= ~bit
    if flags & 1:
        table[NAN_CELL, word] |= bit
    if flags & 2:
        table[MISSING_CELL, word] |= bit
    if flags & 4:
        table[ERROR_CELL, word] |= bit


@compiled("void(int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1], uint16[::1], uint64[:, ::1])")
def fill_rows(
    demands: Int64s, conditions: Int64s, flags: Uint8s, spans: Int64s, first: Int64s, last: Int64s, rows: Uint16s, table: Uint64s
) -> None:
    """Writes the rows of a block and an attribute: a bit for each condition that a cell leaves possible.

    Args:
        demands: those of the block on the attribute.
        conditions, flags: [all demands] whose they are; which of NaN (1), missing values (2) and errors (4) they allow.
        spans, first, last, rows: as in `divide_cells`.
        table: [rows, WORDS] written.
    """
    table[:] = _ALL
    for place in range(len(demands)):
        demand = demands[place]
        word, bit = (conditions[demand] % BLOCK) >> 6, _ONE << np.uint64(conditions[demand] & 63)
        _allow(table, flags[demand], word, bit)
        for span in range(spans[demand], spans[demand + 1]):
            for row in range(rows[first[span]], rows[last[span] - 1] + 1):
                table[row, word] |= bit
