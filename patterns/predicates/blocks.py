"""The index of conditions: by block of conditions and by attribute, which cells leave which of them possible."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.number_arrays import Int64s
from foundation.slices import Slices, numbers_of, parts_of
from patterns.predicates.atoms import Attribute
from patterns.predicates.demands import Allowed
from patterns.predicates.form import ERROR, MISSING, NAN, Form
from patterns.predicates.kernels.index_kernels import BLOCK, FIRST_CELL, ROWS_MAX, WORDS, divide_cells, fill_rows, number_pairs
from patterns.predicates.span_table import Cuts, SpanTable


class Blocks(NamedTuple):
    """Holds the index. A pair is a block with an attribute of which one of its conditions demands something.

    Args:
        pair_starts: [blocks + 1] where the pairs of each block begin.
        pair_attributes: [pairs] the attribute.
        cell_starts: [pairs + 1] where the cells of each pair begin.
        row_starts: [pairs + 1] where the rows of each pair begin.
        rows_of_cells: the row of each cell, counted from the pair's first.
        table: [rows, WORDS] a bit for each condition of the block that the cell leaves possible.
        alive: [blocks * WORDS] a bit for each condition that may hold at all.
        exact: [conditions] 1 where a condition holds wherever it is possible.
    """

    pair_starts: Int64s
    pair_attributes: Int64s
    cell_starts: Int64s
    row_starts: Int64s
    rows_of_cells: NDArray[np.uint16]
    table: NDArray[np.uint64]
    alive: NDArray[np.uint64]
    exact: NDArray[np.uint8]


def build_blocks(forms: Sequence[Form], attributes: dict[Attribute, int], cuts: Cuts) -> Slices[Blocks]:
    """Builds the index of conditions.

    Args:
        attributes: the number of each attribute.
    """
    demands = yield from _Demands.in_slices(forms, attributes, cuts)
    yield
    count = -(-len(forms) // BLOCK)
    pair_of = np.empty((count, len(attributes)), np.int64)
    number_pairs(len(attributes), demands.conditions, demands.attributes, pair_of)
    yield
    pair_attributes = np.ascontiguousarray(np.nonzero(pair_of >= 0)[1])
    cell_starts = _starts(np.diff(cuts.starts)[pair_attributes] + FIRST_CELL + 1)
    rows_of_cells = np.empty(cell_starts[-1], np.uint16)
    exact = yield from numbers_of(forms, lambda form: (form.exact,), np.uint8)
    tables = [np.empty((0, WORDS), np.uint64)]
    for pair, which in enumerate(demands.by_pair(pair_of)):
        tables.append(demands.table(which, rows_of_cells[cell_starts[pair] : cell_starts[pair + 1]], exact))
        yield
    return Blocks(
        _starts(np.count_nonzero(pair_of >= 0, axis=1)),
        pair_attributes,
        cell_starts,
        _starts(np.array([len(table) for table in tables[1:]], np.int64)),
        rows_of_cells,
        np.concatenate(tables),
        _alive(forms, count),
        exact,
    )


class _Demands:
    """Holds what all conditions demand, ascending by condition."""

    def __init__(self, conditions: Int64s, flags: NDArray[np.uint8], spans: SpanTable, cuts: Cuts) -> None:
        self.conditions = conditions
        self.attributes = spans.attributes
        self._flags = flags
        self._spans = (spans.starts, *spans.cells(cuts))

    @classmethod
    def in_slices(cls, forms: Sequence[Form], attributes: dict[Attribute, int], cuts: Cuts) -> Slices["_Demands"]:
        allowed: list[Allowed] = []
        of: list[int] = []
        for part in parts_of(forms):
            allowed += [each for form in part for each in form.allowed]
            of += [attributes[attribute] for form in part for attribute in form.demanded]
            yield
        spans = yield from SpanTable.in_slices(of, [each.spans for each in allowed])
        flags = yield from numbers_of(allowed, lambda each: (each.nan * NAN + each.missing * MISSING + each.error * ERROR,), np.uint8)
        counts = yield from numbers_of(forms, lambda form: (len(form.demanded),))
        yield
        return cls(np.repeat(np.arange(len(forms)), counts), flags, spans, cuts)

    def by_pair(self, pair_of: NDArray[np.int64]) -> Iterator[Int64s]:
        """Yields the demands of each pair."""
        pairs = pair_of[self.conditions // BLOCK, self.attributes]
        ends = np.cumsum(np.bincount(pairs)) if len(pairs) else np.zeros(0, np.int64)
        order, start = np.argsort(pairs, kind="stable"), 0
        for end in ends.tolist():
            yield order[start:end]
            start = end

    def table(self, which: Int64s, rows: NDArray[np.uint16], exact: NDArray[np.uint8]) -> NDArray[np.uint64]:
        """Returns the rows of a pair with the demands `which`; writes the row of each cell. Clears `exact` where cells share a row."""
        size = np.empty(1, np.int64)
        table = np.empty((divide_cells(which, *self._spans, size, rows), WORDS), np.uint64)
        if size[0] > ROWS_MAX:
            exact[self.conditions[which]] = 0
        fill_rows(which, self.conditions, self._flags, *self._spans, rows, table)
        return table


def _starts(counts: NDArray[np.int64]) -> Int64s:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _alive(forms: Sequence[Form], blocks: int) -> NDArray[np.uint64]:
    bits = np.zeros(blocks * BLOCK, np.uint8)
    bits[: len(forms)] = [not form.never for form in forms]
    return np.packbits(bits, bitorder="little").view(np.uint64)
