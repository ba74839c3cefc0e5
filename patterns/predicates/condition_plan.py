"""Asks the conditions of an index about batches of one layout: where each value stands is found out once."""

from collections.abc import Mapping, Sequence
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.number_code import NumberCode, number_code_of, packed
from features.schema.schema import Schema
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.atoms import Attribute
from patterns.predicates.cells import column_of, locate
from patterns.predicates.event_values import EventLayout, EventValues, Place
from patterns.predicates.index import Index
from patterns.predicates.kernels.condition_arrays import MATRICES, ConditionTable
from patterns.predicates.kernels.find_kernels import begin, go_on
from patterns.predicates.kernels.number_kernels import NUMBER, OTHER, TRUTH
from patterns.predicates.kernels.truth_kernels import AT
from patterns.predicates.text_numbers import TextNumbers

_FEW = 0.5
"""Below this share of the events, values are computed for these alone."""
_NO_TEXTS = np.empty((0, 0), np.int64)
_NO_MATRIX: Float64s = np.empty((0, 0))


class ConditionPlan:
    """Knows for one index and one layout of events where the value of each attribute stands.

    Args:
        layout: None: all values are columns.
        apart: the first of the conditions that are told apart.
    """

    def __init__(self, index: Index, layout: EventLayout | None, apart: int) -> None:
        self._index = index
        places = {} if layout is None else layout.places
        early, late = index.attributes[: index.late.first], index.attributes[index.late.first :]
        placed = {name: place for name, place in places.items() if place.type is Type.DOUBLE}
        codes = [_code_of(attribute, placed) for attribute in late]
        self._names = list(dict.fromkeys(_names_read([each.text for each in early if each.text in places], codes)))
        self._texts = [] if layout is None else _texts_of(early, layout.schema)
        known = {at for at, _, _ in self._texts}
        self._others = [at for at, each in enumerate(early) if each.text not in places and at not in known]
        self._table = ConditionTable(self._arrays(early, codes, places, apart))

    def _arrays(
        self, early: Sequence[Attribute], codes: Sequence[NumberCode | None], places: Mapping[str, Place], apart: int
    ) -> list[NDArray[np.generic]]:
        """Returns the arrays in the order of `ConditionArrays`."""
        index, number = self._index, {name: at for at, name in enumerate(self._names)}
        own = [places[name] for name in self._names]
        numbers = [(at, number[each.text], each.type is not Type.DOUBLE) for at, each in enumerate(early) if each.text in number]
        programs = packed(codes, number)
        kinds = [OTHER if code is None else TRUTH if code.type is Type.BOOL else NUMBER for code in codes]
        return [
            np.array([index.late.first, programs.size, index.codes.depth, apart], np.int64),
            _rows([(place.matrix, place.column) for place in own], 2),
            np.array([place.divisor for place in own], np.float64),
            _rows(numbers, 3),
            _rows([(at, missing) for at, _, missing in self._texts], 2),
            *index.cuts,
            *index.blocks,
            index.late.starts,
            index.late.conditions,
            index.late.pairs,
            np.array(kinds, np.int64),
            *programs[:-1],
            *index.codes[:-1],
        ]

    def ask(self, columns: Mapping[str, Column], n: int) -> Int64s:
        """Asks all conditions about n events; returns the words that `truth_kernels.verify` makes."""
        index = self._index
        matrices = columns.matrices if isinstance(columns, EventValues) else ()
        numbers = (*matrices, *_NO_MATRICES[len(matrices) :])
        values, cells = np.empty((len(self._names), n)), np.zeros((len(index.attributes), n), np.int32)
        for at in self._others:
            locate(column_of(index.attributes[at], columns, n), index.cuts.of(at), index.texts, cells[at])
        table, asked = self._table.table, np.empty(n, np.bool_)
        said = begin(table, numbers[0], numbers[1], numbers[2], numbers[3], self._text_numbers(columns, n), values, cells, asked)
        while said[AT] < len(index.late.pairs):
            self._locate_late(index.late.first + int(said[AT]), columns, asked, cells)
            said = go_on(table, said, values, cells, asked)
        return said

    def _text_numbers(self, columns: Mapping[str, Column], n: int) -> NDArray[np.int64]:
        if not self._texts:
            return _NO_TEXTS
        assert isinstance(columns, EventValues)
        get, other = self._index.texts.known.get, repeat(TextNumbers.OTHER)
        found = [map(get, columns.texts_of(field), other) for _, field, _ in self._texts]
        return np.fromiter(chain.from_iterable(found), np.int64, n * len(found)).reshape(len(found), n)

    def _locate_late(self, at: int, columns: Mapping[str, Column], asked: NDArray[np.bool_], cells: NDArray[np.int32]) -> None:
        """Writes the cells of a costly attribute for those events that ask for it."""
        index, n = self._index, len(asked)
        attribute, cuts = index.attributes[at], index.cuts.of(at)
        [rows] = asked.nonzero()
        if len(rows) >= n * _FEW:
            locate(column_of(attribute, columns, n), cuts, index.texts, cells[at])
            return
        some = {name: _taken(columns[name], rows) for name in attribute.reads}
        own = np.empty(len(rows), np.int32)
        locate(column_of(attribute, some, len(rows)), cuts, index.texts, own)
        cells[at, rows] = own


_NO_MATRICES = (_NO_MATRIX,) * MATRICES


def _names_read(early: Sequence[str], codes: Sequence[NumberCode | None]) -> list[str]:
    return [*early, *(name for code in codes if code is not None for name in code.loads)]


def _code_of(attribute: Attribute, placed: Mapping[str, Place]) -> NumberCode | None:
    if attribute.program is None:
        return None
    return number_code_of(attribute.program, {name: placed[name].type for name in attribute.reads if name in placed})


def _texts_of(early: Sequence[Attribute], schema: Schema) -> list[tuple[int, str, int]]:
    """Returns the attributes that are texts of events: the number of each, its field, and the number of a text that is missing."""
    ids = {schema.user, *schema.entities} | ({schema.id_field} if schema.id_type != "integer" else set())
    fields = [(at, _field(each)) for at, each in enumerate(early)]
    texts = [(at, field, TextNumbers.NONE) for at, field in fields if field in schema.texts]
    return texts + [(at, field, TextNumbers.EMPTY) for at, field in fields if field in ids]


def _field(attribute: Attribute) -> str:
    root, _, field = attribute.text.partition(".")
    return field if root == "event" else ""


def _rows(rows: Sequence[tuple[int, ...]], width: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, width)


def _taken(column: Column, rows: NDArray[np.int64]) -> Column:
    if not column.values.ndim:
        return column
    return Column(column.type, column.values[rows], None if column.faults is None else column.faults[rows], column.texts)
