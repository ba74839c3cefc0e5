"""Decodes pages of history from the bytes that `page_encoding` describes."""

from collections.abc import Sequence

import numpy as np

from features.layout.layout import PAGE
from features.profiles.page_encoding import FEW, FLOATS, HOLES, NAN, RAW, SAME, WORD, WORDS, Bytes
from foundation.compiled import entry, inner, outer
from foundation.number_arrays import Float64s, Int64s
from foundation.refusal import Refusal


@inner
def get_number(data: Bytes, at: int, width: int) -> int:
    """Returns the number at offset `at`; 8 bytes are read as signed."""
    number = np.int64(0)
    for byte in range(width):
        number |= np.int64(data[at + byte]) << (8 * byte)
    return int(number)


@outer
def get_above_least(data: Bytes, at: int, end: int, words: Int64s, floats: Float64s, column: int, kind: int) -> int:
    """Reads a column of `WORDS` or `FLOATS`; returns the offset after it, or -1."""
    width = int(data[at]) & 15
    if at + 2 > end or width >= WORD:
        return -1
    holes = data[at + 1] // HOLES
    least_width = int(data[at + 1]) & 15
    first = at + 2 + least_width
    if holes > 1 or least_width > WORD or first + width * len(words) > end:
        return -1
    signed = get_number(data, at + 2, least_width)
    least = signed >> 1 if signed & 1 == 0 else -(signed >> 1) - 1
    for row in range(len(words)):
        number = get_number(data, first + row * width, width)
        if holes and number == 0:
            words[row, column] = 0 if kind == WORDS else NAN
        elif kind == WORDS:
            words[row, column] = least + number - holes
        else:
            floats[row, column] = float(least + number - holes)
    return first + width * len(words)


@outer
def get_few(data: Bytes, at: int, end: int, words: Int64s, column: int) -> int:
    """Reads a column of `FEW`; returns the offset after it, or -1."""
    if at + 2 > end:
        return -1
    count = int(data[at + 1])
    first = at + 2 + WORD * count
    if first + len(words) > end:
        return -1
    for row in range(len(words)):
        if data[first + row] >= count:
            return -1
        words[row, column] = get_number(data, at + 2 + WORD * int(data[first + row]), WORD)
    return first + len(words)


@inner
def get_column(data: Bytes, at: int, end: int, words: Int64s, floats: Float64s, column: int) -> int:
    """Reads a column; returns the offset after it, or -1 if it is malformed."""
    if at >= end:
        return -1
    kind = data[at] >> 4
    if kind in (WORDS, FLOATS):
        return get_above_least(data, at, end, words, floats, column, kind)
    if kind == FEW:
        return get_few(data, at, end, words, column)
    if kind == SAME and column > 0:
        words[:, column] = words[:, column - 1]
        return at + 1
    if kind != RAW or at + 1 + WORD * len(words) > end:
        return -1
    for row in range(len(words)):
        words[row, column] = get_number(data, at + 1 + row * WORD, WORD)
    return at + 1 + WORD * len(words)


@entry
def get_pages(data: Bytes, ends: Int64s, words: Int64s, floats: Float64s, fills: Int64s) -> int:
    """Reads consecutive pages into `words`; returns how many are well formed, counted from the first."""
    at, first = 0, 0
    for i in range(len(ends)):
        end = ends[i]
        n = int(data[at]) if at < end else 0
        if n < 1 or n > PAGE:
            return i
        at += 1
        for column in range(words.shape[1]):
            at = get_column(data, at, end, words[first : first + n], floats[first : first + n], column)
            if at < 0:
                return i
        if at != end:
            return i
        fills[i] = n
        first += n
    return len(ends)


def read_pages(blobs: Sequence[bytes], stride: int) -> list[Int64s]:
    """Decodes the rows [n, stride] of each page.

    Raises:
        Refusal: a blob is not a page of rows with `stride` cells.
    """
    data = np.frombuffer(bytearray(b"".join(blobs)), np.uint8)
    ends = np.cumsum([len(blob) for blob in blobs], dtype=np.int64)
    words = np.empty((len(blobs) * PAGE, stride), np.int64)
    fills = np.zeros(len(blobs), np.int64)
    good = get_pages(data, ends, words, words.view(np.float64), fills)
    if good < len(blobs):
        raise Refusal(
            "not a page of history", where="state", expected=f"{stride} columns of up to {PAGE} rows", got=f"{len(blobs[good])} bytes"
        )
    return np.split(words[: fills.sum()], np.cumsum(fills)[:-1]) if blobs else []
