"""Computes the features of one entity type from the readings of its plan."""

from collections.abc import Sequence

import numpy as np

from features.definitions.aggregate import Reading
from features.definitions.definition import Definition
from features.definitions.row_kernels import NOWHERE, fill
from features.definitions.template import READING, Current
from features.expressions.number_code import NumberCode, Packed, packed
from features.plan.plan import Plan
from foundation.number_arrays import Float64s, Int64s

_NO_TEXTS = np.empty((0, 0))


class Finishing:
    """Computes the features of `definitions`, in their order, from the outputs of `plan`.

    Args:
        readings: the plan's outputs, in order.
    """

    def __init__(self, definitions: Sequence[Definition], readings: Sequence[Reading], plan: Plan) -> None:
        position = {reading: at for at, reading in enumerate(readings)}
        self._columns = {column.name: (at, column.scale) for at, column in enumerate(plan.columns)}
        wanted = [[position[reading] for reading in definition.recipe.readings] for definition in definitions]
        finishes = [definition.recipe.finish for definition in definitions]
        self._sources = np.array([NOWHERE if finish else places[0] for finish, places in zip(finishes, wanted, strict=True)], np.int64)
        self._is_plain = self._sources.tolist() == list(range(plan.width))
        coded = [(at, finish) for at, finish in enumerate(finishes) if isinstance(finish, NumberCode)]
        self._to = np.array([at for at, _ in coded], np.int64)
        self._packed = _packed([(code, wanted[at]) for at, code in coded])
        self._divisors = np.ones(plan.width)
        self._steps = [(at, np.array(wanted[at], np.int64), finish) for at, finish in enumerate(finishes) if callable(finish)]

    def over(self, read: Float64s, values: Float64s, times_ms: Int64s) -> Float64s:
        """Returns [n, features].

        Args:
            read: [n, readings] outputs of the plan.
            values: [n, columns of the plan] the events' row values.
        """
        if self._is_plain:
            return read
        out = np.empty((len(read), len(self._sources)))
        fill(read, _NO_TEXTS, self._sources, self._divisors, *self._packed, self._to, out)
        if not self._steps:
            return out
        current = Current(values, self._columns, times_ms, {})
        with np.errstate(all="ignore"):  # no result gives NaN, and overflow gives infinity
            for at, places, finish in self._steps:
                out[:, at] = finish(read.take(places, axis=1), current)
        return out


def _packed(codes: Sequence[tuple[NumberCode, Sequence[int]]]) -> Packed:
    """Puts tables together; each comes with the readings that it names."""
    loads = [[f"{at} {name}" for name in code.loads] for at, (code, _) in enumerate(codes)]
    columns = {f"{at} {READING}{number}": reading for at, (_, readings) in enumerate(codes) for number, reading in enumerate(readings)}
    return packed([code._replace(loads=tuple(names)) for (code, _), names in zip(codes, loads, strict=True)], columns)
