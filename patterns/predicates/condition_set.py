"""Conditions of all rules and steps, compiled to be asked together."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from features.expressions.functions.column import Column
from foundation.number_arrays import Int64s
from foundation.slices import Slices, completed, parts_of
from patterns.language.pattern import Condition
from patterns.predicates.condition_plan import ConditionPlan
from patterns.predicates.cost import cost_of_all
from patterns.predicates.event_values import EventLayout, EventValues
from patterns.predicates.form import Forms
from patterns.predicates.index import Index, build_index
from patterns.predicates.kernels.truth_kernels import FIRST

_PASSING = 0.01


class Fired(NamedTuple):
    """Which conditions hold for which of n events, ascending by event, then condition.

    Args:
        events, conditions: [m] the row of the event, and the place of the condition.
        errors: the places of conditions that erred, once for each event; they hold for none of these.
        skips: the same of conditions that were skipped because they lacked a value.
        apart_events, apart: the same as `events` and `conditions` of those that are told apart, counted from the first of these.
    """

    events: Int64s
    conditions: Int64s
    errors: Int64s
    skips: Int64s
    apart_events: Int64s
    apart: Int64s


class ConditionSet:
    """Holds conditions with one dictionary of their predicates and one index. It never changes.

    Args:
        apart: the first of the conditions that `find_many` tells apart from those before.
    """

    def __init__(self, conditions: Sequence[Condition], index: Index, apart: int) -> None:
        self.conditions = tuple(conditions)
        self._apart = apart
        self.index = index
        self._plans: dict[EventLayout | None, ConditionPlan] = {}

    @classmethod
    def compile(cls, conditions: Sequence[Condition], forms: Forms | None = None) -> "ConditionSet":
        """Compiles conditions.

        Args:
            forms: keeps what was compiled before; a condition that it knows is not compiled again.
        """
        return completed(cls.in_slices(conditions, Forms() if forms is None else forms))

    @classmethod
    def in_slices(cls, conditions: Sequence[Condition], forms: Forms, apart: int | None = None) -> Slices["ConditionSet"]:
        """Compiles conditions in slices, see `slices`: each condition that `forms` does not know is one, of about 0.2 ms.

        Args:
            apart: the first condition that is told apart; None: there is none.
        """
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
        return cls(conditions, index, len(conditions) if apart is None else apart)

    @property
    def cost_ns(self) -> float:
        """The CPU that an event costs, about, in nanoseconds, where one in a hundred passes the index of a condition."""
        return cost_of_all(self.index.forms, _PASSING)

    def find_many(self, columns: Mapping[str, Column], n: int) -> Fired:
        """Returns which conditions hold for which of `n` events.

        Args:
            columns: at least all that the conditions read, with n values each. `EventValues` are the fastest.
        """
        layout = columns.layout if isinstance(columns, EventValues) else None
        plan = self._plans.get(layout)
        if plan is None:
            plan = self._plans[layout] = ConditionPlan(self.index, layout, self._apart)
        said = plan.ask(columns, n)
        _, own, held, errors, failed = said[:FIRST].tolist()
        events, conditions = said[FIRST : FIRST + held], said[FIRST + held : FIRST + 2 * held]
        erred, skipped = said[FIRST + 2 * held :][:errors], said[FIRST + 2 * held :][errors:failed]
        return Fired(events[:own], conditions[:own], erred, skipped, events[own:], conditions[own:])
