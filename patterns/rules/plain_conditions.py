"""Evaluates the conditions of rules one after the other, each over a whole batch."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from features.expressions.functions.column import Column
from foundation.number_arrays import Int64s
from patterns.language.pattern import Condition
from patterns.rules.formulas import CompiledFormula


class Fired(NamedTuple):
    """m pairs of an event and a condition that it satisfies, ascending by event, then condition."""

    events: Int64s
    conditions: Int64s


class PlainConditions:
    """Holds conditions.

    Args:
        each: the conditions.
    """

    def __init__(self, each: Sequence[CompiledFormula]) -> None:
        self._each = each

    @classmethod
    def compile(cls, conditions: Sequence[Condition]) -> "PlainConditions":
        """Compiles conditions."""
        return cls([CompiledFormula(condition) for condition in conditions])

    def find_many(self, columns: Mapping[str, Column], n: int) -> Fired:
        """Returns which of n events satisfy which conditions."""
        truths = np.stack([condition.over(columns, n).truths() for condition in self._each], axis=1)
        events, conditions = np.nonzero(truths)
        return Fired(events, conditions)
