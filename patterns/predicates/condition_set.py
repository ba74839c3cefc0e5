"""Conditions of all rules and steps, compiled to be asked together."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from features.expressions.functions.column import Column
from foundation.number_arrays import Int64s
from foundation.slices import Slices, completed, parts_of
from patterns.language.pattern import Condition
from patterns.predicates.cells import locate_many
from patterns.predicates.cost import cost_of_all
from patterns.predicates.early_values import EarlyPlan
from patterns.predicates.event_values import EventLayout, EventValues
from patterns.predicates.form import Forms
from patterns.predicates.index import Index, build_index
from patterns.predicates.kernels.candidate_kernels import find_candidates
from patterns.predicates.kernels.truth_kernels import verify
from patterns.predicates.late_values import LatePlan, ask_late

_PASSING = 0.01


class Fired(NamedTuple):
    """Which conditions hold for which of n events, ascending by event, then condition.

    Args:
        events, conditions: [m] the row of the event, and the place of the condition.
        errors: the places of conditions that erred, once for each event; they hold for none of these.
        skips: the same of conditions that were skipped because they lacked a value.
    """

    events: Int64s
    conditions: Int64s
    errors: Int64s
    skips: Int64s


class _Plan(NamedTuple):
    """Says where the values of events stand that cost nothing, and those that others are made of."""

    early: EarlyPlan
    late: LatePlan


class ConditionSet:
    """Holds conditions with one dictionary of their predicates and one index. It never changes."""

    def __init__(self, conditions: Sequence[Condition], index: Index) -> None:
        self.conditions = tuple(conditions)
        self.index = index
        self._plans: dict[EventLayout, _Plan] = {}

    @classmethod
    def compile(cls, conditions: Sequence[Condition], forms: Forms | None = None) -> "ConditionSet":
        """Compiles conditions.

        Args:
            forms: keeps what was compiled before; a condition that it knows is not compiled again.
        """
        return completed(cls.in_slices(conditions, Forms() if forms is None else forms))

    @classmethod
    def in_slices(cls, conditions: Sequence[Condition], forms: Forms) -> Slices["ConditionSet"]:
        """Compiles conditions in slices, see `slices`: each condition that `forms` does not know is one, of about 0.2 ms."""
        made = []
        for part in parts_of(conditions):
            for condition in part:
                if not forms.knows(condition):
                    yield
                made.append(forms.of(condition))
            yield
        index = yield from build_index(made, forms.texts)
        yield
        forms.forget_all_but(made)
        yield
        return cls(conditions, index)

    @property
    def cost_ns(self) -> float:
        """The CPU that an event costs, about, in nanoseconds, where one in a hundred passes the index of a condition."""
        return cost_of_all(self.index.forms, _PASSING)

    def find_many(self, columns: Mapping[str, Column], n: int) -> Fired:
        """Returns which conditions hold for which of `n` events.

        Args:
            columns: at least all that the conditions read, with n values each. `EventValues` are the fastest.
        """
        index = self.index
        cells = np.zeros((len(index.attributes), n), np.int32)
        early = index.late.first
        plan = None
        if isinstance(columns, EventValues):  # most values stand in few matrices
            plan = self._plan(columns.layout)
            plan.early.locate(columns, cells)
        else:
            locate_many(index, columns, cells[:early])
        events, possible = find_candidates(cells, early, *index.blocks[:-1])
        if early < len(index.attributes):
            events, possible = ask_late(index, columns, cells, events, possible, None if plan is None else plan.late)
        return Fired(*verify(cells, events, possible, index.blocks.exact, *index.codes))

    def _plan(self, layout: EventLayout) -> _Plan:
        plan = self._plans.get(layout)
        if plan is None:
            plan = self._plans[layout] = _Plan(EarlyPlan(self.index, layout), LatePlan(self.index, layout))
        return plan
