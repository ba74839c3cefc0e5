"""Computes features without windows: parts of the calendar, and expressions over events and other features."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.definitions.definition import Definition
from features.definitions.event_columns import EventColumns
from features.definitions.fact_columns import fact_column
from features.definitions.template import Current
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import IN_LIST
from features.schema.batch import Batch
from features.schema.schema import Schema
from foundation.number_arrays import Float64s, Int64s

_FEATURE = "feature."


class Lists(Protocol):
    """Tells which texts are on which list."""

    def contains(self, name: str, values: Sequence[str], times_ms: Int64s) -> NDArray[np.bool_]:
        """Tells for each of n values whether it is on the list for an event at `times_ms`."""
        ...


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
        self._lists = [(name, *name.split(IN_LIST)) for name in reads if IN_LIST in name]
        self._events = EventColumns(reads, schema)

    def fill(self, batch: Batch, features: Float64s, facts: Mapping[str, Float64s], lists: Lists | None) -> None:
        """Writes these features' columns of `features` [n, names], which already holds all others.

        Args:
            facts: [n] by path of each declared fact, see `features.schema.facts.number_of`; those that are not there are missing.
            lists: tells which texts are on which list; None where nobody knows any entry.
        """
        self._fill_from_times(batch.times_ms, features)
        if not self._steps:
            return
        columns = self._events.of(batch)
        for name, at in self._inputs:
            columns[name] = _feature_column(features, at)
        for fact in self._facts:
            columns[fact.path] = fact_column(fact, facts[fact.path] if fact.path in facts else np.full(len(features), np.nan))
        for name, field, listed in self._lists:
            columns[name] = membership_column(columns[field], listed, batch.times_ms, lists)
        for at, expression in self._steps:
            features[:, at] = expression.over(columns).numbers()
            if at in self._name_at:
                columns[self._name_at[at]] = _feature_column(features, at)

    def _fill_from_times(self, times_ms: Int64s, features: Float64s) -> None:
        nothing = np.empty((len(times_ms), 0))
        for at, finish in self._of_times:
            features[:, at] = finish(nothing, Current(nothing, {}, times_ms))


def membership_column(values: Column, name: str, times_ms: Int64s, lists: Lists | None) -> Column:
    """Returns the bool column that tells which values are on a list; missing where a value is."""
    n = len(times_ms)
    if lists is None:
        return Column(Type.BOOL, np.zeros(n, np.bool_), values.faults)
    texts = values.texts.all
    return Column(Type.BOOL, lists.contains(name, [texts[at] for at in values.values.tolist()], times_ms), values.faults)


def _feature_column(features: Float64s, at: int) -> Column:
    return Column.of_numbers(Type.DOUBLE, np.ascontiguousarray(features[:, at]))
