"""The values of a batch under the names by which rules read them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from features.definitions.derived import membership_column
from features.definitions.fact_columns import fact_column
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import IN_LIST
from features.schema.facts import Fact
from features.schema.schema import Schema
from foundation.number_arrays import Float64s
from patterns.matches import Sight
from patterns.predicates.event_values import EventLayout, EventValues

FEATURE, MODEL, LEARNED = "feature.", "model.", "adaptive."


class ValueSource:
    """Knows where each value that rules read stands. It is made once for a set of rules, and used for every batch.

    Args:
        names: all that rules read: ``event.x``, ``feature.x``, ``model.x``, ``entity.kind.name``, ``event.x in list.y``, and
            thresholds by the names that `patterns.rules.values.own_names` gives them.
        features: the names of all features, in the order of a feature matrix.
    """

    def __init__(self, names: Iterable[str], schema: Schema, features: Sequence[str]) -> None:
        wanted = dict.fromkeys(names)
        self._models = [name.removeprefix(MODEL) for name in wanted if name.startswith(MODEL)]
        self._learned = [name for name in wanted if name.startswith(LEARNED)]
        matrices = ([FEATURE + name for name in features], [MODEL + name for name in self._models], self._learned)
        self._layout = EventLayout(schema, [dict.fromkeys(each, Type.DOUBLE) for each in matrices])
        self._facts = {fact.path: fact for fact in schema.facts}

    def over(self, sight: Sight) -> EventValues:
        """Returns the values of a batch."""
        n = len(sight.batch)
        models, learned = np.empty((n, len(self._models))), np.empty((n, len(self._learned)))
        for at, name in enumerate(self._models):
            models[:, at] = sight.models[name]
        for at, name in enumerate(self._learned):  # the thresholds of a rule that is not evaluated are looked at by nobody
            learned[:, at] = sight.adaptive.get(name, np.nan)
        return self._layout.of(sight.batch, (sight.features, models, learned), _Further(sight, self._facts, self._layout.schema))


class _Further(dict[str, Column]):
    """Makes the columns of facts, and of what is on which list, when they are first asked for."""

    def __init__(self, sight: Sight, facts: Mapping[str, Fact], schema: Schema) -> None:
        super().__init__()
        self._sight = sight
        self._facts = facts
        self._schema = schema

    def __missing__(self, name: str) -> Column:
        column = self[name] = self._column(name)
        return column

    def _column(self, name: str) -> Column:
        sight = self._sight
        if IN_LIST in name:
            return membership_column(name, sight.batch, self._schema, sight.lists)
        return _fact(self._facts[name], sight.facts(), len(sight.batch))


def _fact(fact: Fact, facts: Mapping[str, Float64s], n: int) -> Column:
    return fact_column(fact, facts[fact.path] if fact.path in facts else np.full(n, np.nan))
