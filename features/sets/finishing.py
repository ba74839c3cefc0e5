"""Computes the features of one entity type from the readings of its plan."""

from collections.abc import Sequence

import numpy as np

from features.definitions.aggregate import Reading
from features.definitions.definition import Definition
from features.definitions.template import Current
from features.plan.plan import Plan
from foundation.number_arrays import Float64s, Int64s


class Finishing:
    """Computes the features of `definitions`, in their order, from the outputs of `plan`.

    Args:
        readings: the plan's outputs, in order.
    """

    def __init__(self, definitions: Sequence[Definition], readings: Sequence[Reading], plan: Plan) -> None:
        place = {reading: at for at, reading in enumerate(readings)}
        self._columns = {column.name: (at, column.scale) for at, column in enumerate(plan.columns)}
        wanted = [[place[reading] for reading in definition.recipe.readings] for definition in definitions]
        direct = [at for at, definition in enumerate(definitions) if definition.recipe.finish is None]
        self._to = np.array(direct, np.int64)
        self._from = np.array([wanted[at][0] for at in direct], np.int64)
        self._is_plain = self._from.tolist() == list(range(plan.width)) and len(direct) == len(definitions)
        self._steps = [(at, np.array(wanted[at], np.int64), d.recipe.finish) for at, d in enumerate(definitions) if d.recipe.finish]
        self._width = len(definitions)

    def over(self, read: Float64s, values: Float64s, times_ms: Int64s) -> Float64s:
        """Returns [n, features].

        Args:
            read: [n, readings] outputs of the plan.
            values: [n, columns of the plan] the events' row values.
        """
        if self._is_plain:
            return read
        out = np.empty((len(read), self._width))
        out[:, self._to] = read.take(self._from, axis=1)
        if not self._steps:
            return out
        current = Current(values, self._columns, times_ms)
        with np.errstate(all="ignore"):  # no result gives NaN, and overflow gives infinity
            for at, places, finish in self._steps:
                out[:, at] = finish(read.take(places, axis=1), current)
        return out
