"""Computes the features of one entity type from the readings of its plan."""

from collections.abc import Sequence

import numpy as np

from features.definitions.aggregate import Reading
from features.definitions.definition import Definition
from features.definitions.row_kernels import NOWHERE, fill, filling_of
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
        self._width = len(definitions)
        position = {reading: at for at, reading in enumerate(readings)}
        self._columns = {column.name: (at, column.scale) for at, column in enumerate(plan.columns)}
        wanted = [[position[reading] for reading in definition.recipe.readings] for definition in definitions]
        finishes = [definition.recipe.finish for definition in definitions]
        sources = np.array([NOWHERE if finish else places[0] for finish, places in zip(finishes, wanted, strict=True)], np.int64)
        self._is_plain = sources.tolist() == list(range(plan.width))
        coded = [(at, finish) for at, finish in enumerate(finishes) if isinstance(finish, NumberCode)]
        programs = _packed([(code, wanted[at]) for at, code in coded])
        self._filling = filling_of(sources, np.ones(plan.width), programs, np.array([at for at, _ in coded], np.int64))
        self._steps = [(at, np.array(wanted[at], np.int64), finish) for at, finish in enumerate(finishes) if callable(finish)]

    def over(self, read: Float64s, values: Float64s, times_ms: Int64s) -> Float64s:
        """Returns [n, features].

        Args:
            read: [n, readings] outputs of the plan.
            values: [n, columns of the plan] the events' row values.
        """
        if self._is_plain:
            return read
        out = np.empty((len(read), self._width))
        fill(read, _NO_TEXTS, *self._filling, out)
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
