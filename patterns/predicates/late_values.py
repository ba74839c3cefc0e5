"""Gets values that cost something, such as those of expressions, where a condition that is still possible asks for them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.number_code import NumberCode, number_code_of, packed
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.atoms import Attribute
from patterns.predicates.cells import column_of, locate
from patterns.predicates.event_values import EventLayout, EventValues, Place
from patterns.predicates.index import Index
from patterns.predicates.kernels.late_kernels import find_next_asked, group_by_condition, narrow_candidates
from patterns.predicates.kernels.number_kernels import NUMBER, OTHER, TRUTH, ask_numbers, gather

Cells = NDArray[np.int32]
_FEW = 0.5
"""Below this share of the events, values are computed for these alone."""


class LatePlan:
    """Knows for one index and one layout of events which costly attributes are numbers made of numbers, and where these stand."""

    def __init__(self, index: Index, layout: EventLayout) -> None:
        self._layout = layout
        attributes = index.attributes[index.late.first :]
        placed = {name: place for name, place in layout.places.items() if place.type is Type.DOUBLE}
        codes = [_code_of(attribute, placed) for attribute in attributes]
        names = tuple(dict.fromkeys(name for code in codes if code is not None for name in code.loads))
        self.packed = packed(codes, {name: at for at, name in enumerate(names)})
        self.kinds = np.array([OTHER if code is None else TRUTH if code.type is Type.BOOL else NUMBER for code in codes], np.uint8)
        self._width = len(names)
        self._matrices = [_columns(number, names, placed) for number in sorted({placed[name].matrix for name in names})]

    def numbers(self, values: EventValues) -> Float64s:
        """Returns [n, names] all numbers from which attributes are made."""
        numbers = np.empty((len(values.batch), self._width))
        for number, columns, divisors, to in self._matrices:
            matrix = values.matrices[number]
            gather(matrix if matrix.flags.writeable else matrix.copy(), columns, divisors, to, numbers)
        return numbers


def ask_late(
    index: Index, columns: Mapping[str, Column], cells: Cells, events: Cells, conditions: Cells, plan: LatePlan | None = None
) -> tuple[Cells, Cells]:
    """Writes the cells of costly attributes, the cheapest first. Returns the events and conditions that all of them leave possible.

    Args:
        cells: [attributes, n].
        events, conditions: those that are possible.
        plan: for the layout of `columns`, where these are `EventValues`.
    """
    late, blocks = index.late, index.blocks
    table = (blocks.cell_starts, blocks.row_starts, blocks.rows_of_cells, blocks.table)
    starts, order = np.empty(len(index.forms) + 1, np.int64), np.empty(len(events), np.int64)
    group_by_condition(conditions, starts, order)
    possible, asked = np.ones(len(events), np.bool_), np.empty(cells.shape[1], np.bool_)
    candidates = (starts, order, events, possible)
    numbers = None

    def next_from(at: int) -> int:
        nonlocal numbers
        at = find_next_asked(at, late.starts, late.conditions, *candidates, asked)
        if plan is None or at == len(late.pairs) or plan.kinds[at] == OTHER:
            return at
        assert isinstance(columns, EventValues)
        numbers = plan.numbers(columns) if numbers is None else numbers
        return ask_numbers(
            at, numbers, plan.kinds, *plan.packed, late.starts, late.conditions, starts, order, events, possible, asked, late.first,
            *index.cuts, cells, late.pairs, blocks.cell_starts, blocks.row_starts, blocks.rows_of_cells, blocks.table,
        )  # fmt: skip

    at = next_from(0)
    while at < len(late.pairs):
        of = cells[late.first + at]
        _locate(index, late.first + at, columns, asked, of)
        narrow_candidates(late.conditions[late.starts[at] : late.starts[at + 1]], *candidates, of, late.pairs[at], *table)
        at = next_from(at + 1)
    return events[possible], conditions[possible]


def _code_of(attribute: Attribute, placed: Mapping[str, Place]) -> NumberCode | None:
    if attribute.program is None:
        return None
    return number_code_of(attribute.program, {name: placed[name].type for name in attribute.reads if name in placed})


def _columns(number: int, names: tuple[str, ...], placed: Mapping[str, Place]) -> tuple[int, Int64s, Float64s, Int64s]:
    """Returns the number of a matrix, those of its columns that are read, what they are divided by, and the place of each among `names`."""
    own = [(placed[name].column, placed[name].divisor, at) for at, name in enumerate(names) if placed[name].matrix == number]
    columns, divisors, to = zip(*own, strict=True)
    return number, np.array(columns, np.int64), np.array(divisors, np.float64), np.array(to, np.int64)


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
