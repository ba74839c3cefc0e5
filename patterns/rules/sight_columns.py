"""The columns that the conditions of rules read, made of a batch when they are first asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from features.definitions.derived import membership_column
from features.definitions.event_columns import EventColumns
from features.definitions.fact_columns import fact_column
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import IN_LIST
from features.schema.facts import Fact
from features.schema.schema import Schema
from foundation.number_arrays import Float64s
from patterns.matches import Sight

EVENT, FEATURE, MODEL, ENTITY, ADAPTIVE = "event.", "feature.", "model.", "entity.", "adaptive."
Make = Callable[["SightColumns"], Column]


class SightColumns(dict[str, Column]):
    """Holds columns by name; one that is not there yet is made of the batch, once.

    Args:
        sight: the batch.
        source: knows the names that may be asked for.
    """

    def __init__(self, sight: Sight, source: "ColumnSource") -> None:
        super().__init__()
        self.sight = sight
        self._source = source

    def __missing__(self, name: str) -> Column:
        column = self[name] = self._source.make(name, self)
        return column


class ColumnSource:
    """Knows how each name that rules read becomes a column.

    Args:
        names: all that rules read: ``event.x``, ``feature.x``, ``model.x``, ``entity.kind.name`` and ``event.x in list.y``.
        features: the names of all features, in the order of a feature matrix.
    """

    def __init__(self, names: Iterable[str], schema: Schema, features: Sequence[str]) -> None:
        wanted = dict.fromkeys(names)
        fields = dict.fromkeys(name.split(IN_LIST)[0] for name in wanted if name.startswith(EVENT))
        self._events = EventColumns(fields, schema)
        self._places = {FEATURE + name: at for at, name in enumerate(features)}
        self._facts = {fact.path: fact for fact in schema.facts}

    def over(self, sight: Sight) -> SightColumns:
        """Returns the columns of a batch."""
        return SightColumns(sight, self)

    def make(self, name: str, columns: SightColumns) -> Column:
        """Makes the column `name`.

        Raises:
            KeyError: no rule of the release reads it.
        """
        sight = columns.sight
        if IN_LIST in name:
            field, listed = name.split(IN_LIST)
            return membership_column(columns[field], listed, sight.batch.times_ms, sight.lists)
        if name.startswith(FEATURE):
            return _number(sight.features[:, self._places[name]])
        if name.startswith(MODEL):
            return _number(sight.models[name.removeprefix(MODEL)])
        if name.startswith(ENTITY):
            return _fact(self._facts[name], sight.facts(), len(sight.batch))
        if name.startswith(ADAPTIVE):
            return _number(np.full(len(sight.batch), np.nan))
        return self._events.one(name, sight.batch)


def _number(numbers: Float64s) -> Column:
    return Column.of_numbers(Type.DOUBLE, np.ascontiguousarray(numbers))


def _fact(fact: Fact, facts: Mapping[str, Float64s], n: int) -> Column:
    return fact_column(fact, facts[fact.path] if fact.path in facts else np.full(n, np.nan))
