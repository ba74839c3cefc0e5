"""Writes macros over lists and maps out, element by element."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from features.expressions.aggregates import LOGIC_COST, Aggregates, demanded
from features.expressions.functions.kernel import Plain
from features.expressions.functions.logic import both, either
from features.expressions.functions.terms import Item, ListTerm, MapTerm, Scalar, Term, steps_of
from features.expressions.functions.types import Type
from features.expressions.program import Builder
from foundation.place import Mark

MACROS = ("all", "exists", "exists_one", "map", "filter")
_EXACTLY_ONE = Plain(Type.BOOL, lambda *truths: np.asarray(sum(np.asarray(truth, dtype=np.int64) for truth in truths)) == 1)
Body = Callable[[Term], Term]
Condition = Callable[[Term], int]


@dataclass(frozen=True)
class Macros:
    """Makes the steps of one expression's macros."""

    builder: Builder
    aggregates: Aggregates

    def all(self, items: ListTerm, condition: Condition, at: Mark) -> Scalar:
        """Makes the value that tells whether a condition holds for every element."""
        steps = []
        for item in items.items:
            step = condition(item.term)
            if item.guard is not None:
                step = self.builder.apply(either, self.aggregates.negated(item.guard, at), step, cost=LOGIC_COST, at=at)
            steps.append(step)
        return self._bool(self.aggregates.all_of(steps, at), items, at)

    def exists(self, items: ListTerm, condition: Condition, at: Mark) -> Scalar:
        """Makes the value that tells whether a condition holds for some element."""
        return self._bool(self.aggregates.any_of([self._held(item, condition, at) for item in items.items], at), items, at)

    def exists_one(self, items: ListTerm, condition: Condition, at: Mark) -> Scalar:
        """Makes the value that tells whether a condition holds for exactly one element; it is missing as soon as one condition is."""
        held = [self._held(item, condition, at) for item in items.items] or [self.aggregates.truth(False)]
        return self._bool(self.builder.apply(_EXACTLY_ONE, *held, cost=LOGIC_COST * len(held), at=at), items, at)

    def filter(self, items: ListTerm, condition: Condition, at: Mark) -> ListTerm:
        """Returns the elements for which a condition holds."""
        kept, needed = [], list(items.needed)
        for item in items.items:
            guard = self._held(item, condition, at)
            value = self.builder.value_of(guard)
            if value is not False:
                kept.append(Item(item.term, None if value is True else guard))
            if not isinstance(value, bool):
                needed.append(guard)
        return ListTerm(tuple(kept), tuple(dict.fromkeys(needed)))

    def map(self, items: ListTerm, body: Body, at: Mark) -> ListTerm:
        """Returns what `body` makes of each element."""
        made, needed = [], list(items.needed)
        for item in items.items:
            term = body(item.term)
            made.append(Item(term, item.guard))
            for step in steps_of(term):
                guard = item.guard
                needed.append(step if guard is None else self.builder.apply(demanded, guard, step, cost=LOGIC_COST, at=at))
        sure = [step for step in dict.fromkeys(needed) if not isinstance(self.builder.value_of(step), bool | int | float | str)]
        return ListTerm(tuple(made), tuple(sure))

    def over(self, term: ListTerm | MapTerm) -> ListTerm:
        """Returns what a macro runs over: the elements of a list or the keys of a map."""
        if isinstance(term, ListTerm):
            return term
        return ListTerm(tuple(Item(self.aggregates.key(key)) for key, _ in term.entries), term.needed)

    def _held(self, item: Item, condition: Condition, at: Mark) -> int:
        step = condition(item.term)
        return step if item.guard is None else self.builder.apply(both, item.guard, step, cost=LOGIC_COST, at=at)

    def _bool(self, step: int, items: ListTerm, at: Mark) -> Scalar:
        return Scalar(Type.BOOL, self.aggregates.strict(step, items, at))
