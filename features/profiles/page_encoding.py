"""Encodes a page of history as bytes, each column in as few bytes as its numbers need.

A page is the number of rows (one byte), followed by its columns. A column begins with one byte, kind * 16 + width, and
holds a number of `width` bytes a row, the least significant byte first:

``RAW`` holds the cells. ``WORDS`` or ``FLOATS`` that are whole numbers are held as differences to the least; before them stand a byte, 16
if there are holes (0 among words, NaN among floats) + the number of bytes of the least, and the least with its sign in the lowest bit. With
holes, a hole is written as 0 and each other number as one more; width 0 means holes only. ``FEW`` holds different cells: their number in a
byte, the cells, and the index of each row's. ``SAME`` means that the column equals the one before.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.layout.layout import FILL, PAGE, PAGE_WORDS, ProfileSlab
from foundation.compiled import entry, inner, outer
from foundation.number_arrays import Float64s, Int64s

Bytes = NDArray[np.uint8]

RAW, WORDS, FLOATS, FEW, SAME = range(5)
WORD = 8
HOLES = 16
NAN = int(np.array([np.nan]).view(np.int64)[0])
_WHOLE_MAX = 2.0**52
_SPAN_MAX = 1 << 48
_COLUMN_BYTES_MAX = 2 + WORD + WORD * PAGE
_LEAST_MAX = 1 << 62


@inner
def width_of(number: int) -> int:
    """Returns the number of bytes that hold a number of at least 0."""
    width = 0
    while number > 0:
        number >>= 8
        width += 1
    return width


@inner
def put_number(out: Bytes, at: int, number: int, width: int) -> int:
    """Writes the lowest bytes of a number; returns the offset after them."""
    for byte in range(width):
        out[at + byte] = (number >> (8 * byte)) & 0xFF
    return at + width


@inner
def bounds_of_words(words: Int64s, column: int) -> tuple[int, int, int]:
    """Returns the least and the largest cell of a column that are not 0, and their number."""
    least, largest, count = 0, 0, 0
    for row in range(len(words)):
        word = int(words[row, column])
        if word != 0:
            least = word if count == 0 else min(least, word)
            largest = word if count == 0 else max(largest, word)
            count += 1
    return least, largest, count


@inner
def bounds_of_floats(words: Int64s, floats: Float64s, column: int) -> tuple[int, int, int]:
    """Returns the least and the largest float that are not NaN, and their number, or -1 if one is not a whole number."""
    least, largest, count = 0, 0, 0
    for row in range(len(words)):
        value = floats[row, column]
        if words[row, column] == NAN:
            continue
        if not (abs(value) < _WHOLE_MAX and value == np.floor(value)) or (value == 0.0 and words[row, column] != 0):
            return 0, 0, -1
        whole = int(value)
        least = whole if count == 0 else min(least, whole)
        largest = whole if count == 0 else max(largest, whole)
        count += 1
    return least, largest, count


@inner
def bounds_of(words: Int64s, floats: Float64s, column: int, kind: int) -> tuple[int, int, int]:
    """Returns least, largest and count of all but holes; the count is -1 if the kind does not fit the column."""
    least, largest, count = bounds_of_words(words, column) if kind == WORDS else bounds_of_floats(words, floats, column)
    fits = count >= 0 and 0 <= largest - least < _SPAN_MAX and -_LEAST_MAX < least < _LEAST_MAX
    return least, largest, count if fits else -1


@outer
def put_above_least(words: Int64s, floats: Float64s, column: int, kind: int, out: Bytes, at: int) -> int:
    """Writes a column as `WORDS` or `FLOATS`; returns the offset after it, or -1 if the kind does not fit."""
    least, largest, count = bounds_of(words, floats, column, kind)
    if count < 0:
        return -1
    holes = 1 if count < len(words) else 0
    width = width_of(largest - least + holes) if count else 0
    signed = 2 * least if least >= 0 else -2 * least - 1
    out[at] = 16 * kind + width
    out[at + 1] = HOLES * holes + width_of(signed)
    end = put_number(out, at + 2, signed, width_of(signed))
    hole = 0 if kind == WORDS else NAN
    for row in range(len(words)):
        if holes and words[row, column] == hole:
            end = put_number(out, end, 0, width)
        else:
            whole = words[row, column] if kind == WORDS else int(floats[row, column])
            end = put_number(out, end, whole - least + holes, width)
    return end


@outer
def put_few(words: Int64s, column: int, which: Int64s, out: Bytes, at: int) -> int:
    """Writes a column as `FEW`; returns the offset after it. `which` is scratch."""
    out[at] = 16 * FEW + 1
    count = 0
    end = at + 2
    for row in range(len(words)):
        first = 0
        while words[first, column] != words[row, column]:
            first += 1
        which[row] = which[first]
        if first == row:
            which[row] = count
            count += 1
            end = put_number(out, end, words[row, column], WORD)
    out[at + 1] = count
    for row in range(len(words)):
        out[end + row] = which[row]
    return end + len(words)


@inner
def put_raw(words: Int64s, column: int, out: Bytes, at: int) -> int:
    """Writes a column as `RAW`; returns the offset after it."""
    out[at] = 16 * RAW + WORD
    end = at + 1
    for row in range(len(words)):
        end = put_number(out, end, words[row, column], WORD)
    return end


@inner
def is_same(words: Int64s, column: int) -> bool:
    """Tells whether the column equals the one before it."""
    same = column > 0
    for row in range(len(words)):
        same = same and words[row, column] == words[row, column - 1]
    return same


@inner
def put_column(words: Int64s, floats: Float64s, column: int, which: Int64s, out: Bytes, at: int) -> int:
    """Writes a column in the shortest encoding, or the first that is short; returns the offset after it."""
    if is_same(words, column):
        out[at] = 16 * SAME
        return at + 1
    short = at + WORD + 2 * len(words)
    as_words = put_above_least(words, floats, column, WORDS, out, at)
    if 0 <= as_words <= short:
        return as_words
    as_floats = put_above_least(words, floats, column, FLOATS, out, at)
    if 0 <= as_floats <= short:
        return as_floats
    few = put_few(words, column, which, out, at)
    raw = at + 1 + WORD * len(words)
    if few <= min(raw, as_words if as_words >= 0 else raw, as_floats if as_floats >= 0 else raw):
        return few
    if 0 <= as_floats < (as_words if as_words >= 0 else raw):
        return put_above_least(words, floats, column, FLOATS, out, at)
    return put_above_least(words, floats, column, WORDS, out, at) if as_words >= 0 else put_raw(words, column, out, at)


@entry
def put_pages(slab: ProfileSlab, pages: Int64s, stride: int, out: Bytes, ends: Int64s) -> None:
    """Writes pages one after the other, and the end of each into `ends`."""
    which = np.empty(PAGE, np.int64)
    at = 0
    for i in range(len(pages)):
        n = slab.pages[pages[i], FILL]
        words = slab.pages[pages[i], PAGE_WORDS : PAGE_WORDS + n * stride].reshape(n, stride)
        floats = slab.pages_f[pages[i], PAGE_WORDS : PAGE_WORDS + n * stride].reshape(n, stride)
        out[at] = n
        at += 1
        for column in range(stride):
            at = put_column(words, floats, column, which, out, at)
        ends[i] = at


def pages_as_bytes(slab: ProfileSlab, pages: Sequence[int], stride: int) -> list[bytes]:
    """Encodes the rows of `pages`, `stride` cells each; a microsecond a page."""
    ends = np.empty(len(pages), np.int64)
    out = np.empty(len(pages) * (1 + stride * _COLUMN_BYTES_MAX), np.uint8)
    put_pages(slab, np.array(pages, np.int64), stride, out, ends)
    data = out[: ends[-1] if len(ends) else 0].tobytes()
    return [data[start:end] for start, end in itertools.pairwise([0, *ends.tolist()])]
