"""Finds the cells of the values that events come with: those in matrices with one call of a kernel for each matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.types import Type
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.atoms import Attribute
from patterns.predicates.cells import locate
from patterns.predicates.event_values import EventLayout, EventValues, Place, times_us
from patterns.predicates.index import Index
from patterns.predicates.kernels.cell_kernels import locate_ints, locate_matrix, locate_texts
from patterns.predicates.text_numbers import TextNumbers

_NO_FAULTS = np.zeros(0, np.uint8)


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Says which columns of a matrix are which attributes."""

    number: int
    columns: Int64s
    divisors: Float64s
    whole: NDArray[np.uint8]
    attributes: Int64s


class EarlyPlan:
    """Knows for one index and one layout of events where the value of each attribute stands that costs nothing."""

    def __init__(self, index: Index, layout: EventLayout) -> None:
        self.layout = layout
        self._index = index
        early = list(enumerate(index.attributes[: index.late.first]))
        placed = [(at, layout.places[each.text]) for at, each in early if each.text in layout.places]
        self._matrices = [_matrix(number, placed) for number in sorted({place.matrix for _, place in placed})]
        others = [(at, each) for at, each in early if each.text not in layout.places]
        schema = layout.schema
        self._times = [at for at, each in others if each.text == f"event.{schema.time_field}"]
        self._texts = [(at, each.text) for at, each in others if _field(each) in schema.texts]
        ids = {schema.user, *schema.entities} | ({schema.id_field} if schema.id_type != "integer" else set())
        self._ids = [(at, each.text) for at, each in others if _field(each) in ids]
        known = {*self._times, *(at for at, _ in (*self._texts, *self._ids))}
        self._columns = [(at, each.text) for at, each in others if at not in known]

    def locate(self, values: EventValues, cells: NDArray[np.int32]) -> None:
        """Writes the cells [attributes, n] of the events."""
        cuts, texts = self._index.cuts, self._index.texts
        for each in self._matrices:
            numbers = values.matrices[each.number]
            numbers = numbers if numbers.flags.writeable else numbers.copy()  # kernels take no array that is read-only
            locate_matrix(numbers, each.columns, each.divisors, each.whole, each.attributes, cuts.starts, cuts.numbers, cells)
        for at in self._times:
            locate_ints(times_us(values), _NO_FAULTS, cuts.of(at), cells[at])
        for at, name in self._texts:
            locate_texts(_numbers(values.texts(name), texts), TextNumbers.NONE, cuts.of(at), cells[at])
        for at, name in self._ids:
            locate_texts(_numbers(values.ids(name), texts), TextNumbers.EMPTY, cuts.of(at), cells[at])
        for at, name in self._columns:
            locate(values[name].spread(cells.shape[1]), cuts.of(at), texts, cells[at])


def _field(attribute: Attribute) -> str:
    root, _, field = attribute.text.partition(".")
    return field if root == "event" else ""


def _matrix(number: int, placed: list[tuple[int, Place]]) -> _Matrix:
    own = [(at, place) for at, place in placed if place.matrix == number]
    return _Matrix(
        number,
        np.array([place.column for _, place in own], np.int64),
        np.array([place.divisor for _, place in own]),
        np.array([place.type is not Type.DOUBLE for _, place in own], np.uint8),
        np.array([at for at, _ in own], np.int64),
    )


def _numbers(texts: Sequence[str | None], numbers: TextNumbers) -> Int64s:
    get, other = numbers.known.get, numbers.OTHER
    return np.fromiter(map(get, texts, repeat(other)), np.int64, len(texts))
