"""Computes features without windows: parts of the calendar, and expressions over events and other features."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.definitions.definition import Definition
from features.definitions.event_columns import EventColumns
from features.definitions.fact_columns import fact_column
from features.definitions.template import Current
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.schema.batch import Batch
from features.schema.schema import Schema
from foundation.number_arrays import Float64s, Int64s

_FEATURE = "feature."


class Derived:
    """Fills in features that are computed from the event and from other features.

    Args:
        definitions: definitions without readings, each expression after those that it reads.
        names: names of all features, in the order of a feature matrix.
    """

    def __init__(self, definitions: Sequence[Definition], names: Sequence[str], schema: Schema) -> None:
        place = {f"{_FEATURE}{name}": at for at, name in enumerate(names)}
        self._steps = [(place[_FEATURE + d.name], d.recipe.expression) for d in definitions if d.recipe.expression is not None]
        self._of_times = [(place[_FEATURE + d.name], d.recipe.finish) for d in definitions if d.recipe.finish is not None]
        reads = dict.fromkeys(name for definition in definitions for name in definition.reads)
        self._inputs = [(name, place[name]) for name in reads if name in place]
        self._name_at = {at: name for name, at in self._inputs}
        self._facts = [fact for fact in schema.facts if fact.path in reads]
        self._events = EventColumns(reads, schema)

    def fill(self, batch: Batch, features: Float64s, facts: Mapping[str, Float64s]) -> None:
        """Writes these features' columns of `features` [n, names], which already holds all others.

        Args:
            facts: [n] by path of each declared fact, see `features.schema.facts.number_of`; those that are not there are missing.
        """
        self._fill_from_times(batch.times_ms, features)
        if not self._steps:
            return
        columns = self._events.of(batch)
        for name, at in self._inputs:
            columns[name] = _feature_column(features, at)
        for fact in self._facts:
            columns[fact.path] = fact_column(fact, facts[fact.path] if fact.path in facts else np.full(len(features), np.nan))
        for at, expression in self._steps:
            features[:, at] = expression.over(columns).numbers()
            if at in self._name_at:
                columns[self._name_at[at]] = _feature_column(features, at)

    def _fill_from_times(self, times_ms: Int64s, features: Float64s) -> None:
        nothing = np.empty((len(times_ms), 0))
        for at, finish in self._of_times:
            features[:, at] = finish(nothing, Current(nothing, {}, times_ms))


def _feature_column(features: Float64s, at: int) -> Column:
    return Column.of_numbers(Type.DOUBLE, np.ascontiguousarray(features[:, at]))
