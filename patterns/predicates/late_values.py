"""Gets values that cost something, such as those of expressions, where a condition that is still possible asks for them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column
from patterns.predicates.cells import column_of, locate
from patterns.predicates.index import Index
from patterns.predicates.late_kernels import find_next_asked, group_by_condition, narrow_candidates

Cells = NDArray[np.int32]
_FEW = 0.5
"""Below this share of the events, values are computed for these alone."""


def ask_late(index: Index, columns: Mapping[str, Column], cells: Cells, events: Cells, conditions: Cells) -> tuple[Cells, Cells]:
    """Writes the cells of costly attributes, the cheapest first. Returns the events and conditions that all of them leave possible.

    Args:
        cells: [attributes, n].
        events, conditions: those that are possible.
    """
    late, blocks = index.late, index.blocks
    table = (blocks.cell_starts, blocks.row_starts, blocks.rows_of_cells, blocks.table)
    starts, order = np.empty(len(index.forms) + 1, np.int64), np.empty(len(events), np.int64)
    group_by_condition(conditions, starts, order)
    possible, asked = np.ones(len(events), np.bool_), np.empty(cells.shape[1], np.bool_)
    candidates = (starts, order, events, possible)
    at = find_next_asked(0, late.starts, late.conditions, *candidates, asked)
    while at < len(late.pairs):
        of = cells[late.first + at]
        _locate(index, late.first + at, columns, asked, of)
        narrow_candidates(late.conditions[late.starts[at] : late.starts[at + 1]], *candidates, of, late.pairs[at], *table)
        at = find_next_asked(at + 1, late.starts, late.conditions, *candidates, asked)
    return events[possible], conditions[possible]


def _locate(index: Index, at: int, columns: Mapping[str, Column], asked: NDArray[np.bool_], of: Cells) -> None:
    attribute, cuts, n = index.attributes[at], index.cuts.of(at), len(asked)
    [rows] = asked.nonzero()
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
