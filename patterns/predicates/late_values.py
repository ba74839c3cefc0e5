"""Gets values that cost something, such as those of expressions, where a condition that is still possible asks for them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column
from patterns.predicates.candidate_kernels import find_next_asked, narrow_candidates
from patterns.predicates.cells import column_of, locate
from patterns.predicates.index import Index

_FEW = 0.5
"""Below this share of the events, values are computed for these alone."""


def ask_late(index: Index, columns: Mapping[str, Column], cells: NDArray[np.int32], candidates: NDArray[np.uint64]) -> None:
    """Writes the cells of costly attributes, the cheapest first, and leaves after each those candidates that it leaves possible.

    Args:
        cells: [attributes, n].
        candidates: [n, words].
    """
    late, blocks = index.late, index.blocks
    table = (blocks.cell_starts, blocks.row_starts, blocks.rows_of_cells, blocks.table)
    asked = np.empty(len(candidates), np.bool_)
    at = find_next_asked(candidates, 0, late.starts, late.conditions, asked)
    while late.first + at < len(index.attributes):
        of = cells[late.first + at]
        _locate(index, late.first + at, columns, asked, of)
        narrow_candidates(of, late.pairs[late.pair_starts[at] : late.pair_starts[at + 1]], late.pair_blocks, *table, candidates)
        at = find_next_asked(candidates, at + 1, late.starts, late.conditions, asked)


def _locate(index: Index, at: int, columns: Mapping[str, Column], asked: NDArray[np.bool_], of: NDArray[np.int32]) -> None:
    attribute, cuts, n = index.attributes[at], index.cuts.of(at), len(asked)
    rows = np.flatnonzero(asked)
    if len(rows) >= n * _FEW:
        locate(column_of(attribute, columns, n), cuts, index.texts, of)
        return
    some = {name: _taken(columns[name], rows) for name in attribute.reads}
    cells = np.empty(len(rows), np.int32)
    locate(column_of(attribute, some, len(rows)), cuts, index.texts, cells)
    of[rows] = cells


def _taken(column: Column, rows: NDArray[np.int64]) -> Column:
    if not column.values.ndim:
        return column
    return Column(column.type, column.values[rows], None if column.faults is None else column.faults[rows], column.texts)
