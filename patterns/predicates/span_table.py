"""Spans of many owners as arrays, and the cuts that they make between the values of attributes."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from foundation.number_arrays import Int64s
from foundation.slices import Slices, numbers_of
from patterns.predicates.kernels.index_kernels import find_cuts, place_spans
from patterns.predicates.spans import Spans


class Cuts(NamedTuple):
    """Holds the numbers at which some predicate changes its truth, each once; between two of them is a cell.

    Args:
        starts: [attributes + 1] where those of each attribute begin.
        numbers: in ascending order within an attribute.
    """

    starts: Int64s
    numbers: Int64s

    def of(self, attribute: int) -> Int64s:
        """Returns the cuts of one attribute."""
        return self.numbers[self.starts[attribute] : self.starts[attribute + 1]]


class SpanTable:
    """Holds the spans of owners, one owner after the other.

    Args:
        attributes: [owners] the attribute that the spans of each are of.
        counts: [owners] how many spans each has.
        edges: first and last number of each span, by turns.
    """

    def __init__(self, attributes: Int64s, counts: Int64s, edges: Int64s) -> None:
        self.attributes = attributes
        self.starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        self._of_spans = np.repeat(attributes, counts)
        self._lows, self._highs = edges[::2].copy(), edges[1::2].copy()

    @classmethod
    def in_slices(cls, attributes: Sequence[int], spans: Sequence[Spans]) -> Slices["SpanTable"]:
        """Makes a table of the attribute and the spans of each owner."""
        owners = yield from numbers_of(attributes, lambda each: (each,))
        counts = yield from numbers_of(spans, lambda each: (len(each),))
        edges = yield from numbers_of(spans, chain.from_iterable)
        yield
        made = cls(owners, counts, edges)
        yield
        return made

    def cuts(self, width: int) -> Cuts:
        """Returns the cuts that the spans make in `width` attributes."""
        starts, found = np.zeros(width + 1, np.int64), np.empty(2 * len(self._lows), np.int64)
        count = find_cuts(self._of_spans, self._lows, self._highs, starts, found)
        return Cuts(starts, found[:count].copy())

    def cells(self, cuts: Cuts) -> tuple[Int64s, Int64s]:
        """Returns for each span its first cell, and the one behind its last."""
        first, last = np.empty(len(self._lows), np.int64), np.empty(len(self._lows), np.int64)
        place_spans(self._of_spans, self._lows, self._highs, cuts.starts, cuts.numbers, first, last)
        return first, last
