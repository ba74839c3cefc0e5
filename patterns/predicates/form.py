"""The compiled form of one condition. It knows nothing of others, so that it is made once and kept while rules around it change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.expressions.functions.types import Type
from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.syntax import Node
from foundation.number_arrays import Int64s
from patterns.language.pattern import Condition, Missing
from patterns.predicates.atoms import Atom, AtomReader, Attribute
from patterns.predicates.demands import Allowed, demands_of
from patterns.predicates.text_numbers import TextNumbers
from patterns.predicates.tree import Tree, code_of, depth_of, read_tree

NAN, MISSING, ERROR = 1, 2, 4
"""Bits of what is allowed beside spans."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """Holds one condition, ready to be put among others.

    Args:
        atoms: its atoms, each once; the code numbers them so.
        code: [operations, 2] see `tree.Op`.
        depth: how many truths the code's stack holds.
        demanded: the attributes of which it demands something.
        allowed: what it allows of each.
        exact: whether it holds wherever its demands are met, so that nothing needs to be verified.
        never: whether it holds for no event.
    """

    missing: Missing
    tree: Tree
    atoms: tuple[Atom, ...]
    code: Int64s
    depth: int
    demanded: tuple[Attribute, ...]
    allowed: tuple[Allowed, ...]
    exact: bool
    never: bool


class Forms:
    """Makes the forms of conditions, and keeps them by what they say: a condition that is already in force costs a look-up.

    Forms that the newest set does not hold are forgotten when they are `SPARE` more than those that it holds. The numbers of texts are
    kept as long as this is.
    """

    SPARE = 1_000

    def __init__(self) -> None:
        self.texts = TextNumbers()
        self._reader = AtomReader(self.texts)
        self._forms: dict[object, Form] = {}
        self._by_object: dict[int, tuple[Condition, Form]] = {}  # by identity, since to compare what conditions say costs more

    def knows(self, condition: Condition) -> bool:
        """Tells whether this very object has a form."""
        return id(condition) in self._by_object

    def of(self, condition: Condition) -> Form:
        """Returns the form of a condition: 0.2 ms for one of four predicates, if no condition before said the same."""
        known = self._by_object.get(id(condition))
        if known is not None:
            return known[1]
        key = (canonical(condition.node), condition.missing, tuple(condition.names.items()))
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = self._fresh(condition.node, condition.names, condition.missing)
        self._by_object[id(condition)] = (condition, form)
        return form

    def forget_all_but(self, forms: Sequence[Form]) -> None:
        """Forgets other forms, if there are too many."""
        if max(len(self._forms), len(self._by_object)) > 2 * len(forms) + self.SPARE:
            kept = set(forms)
            self._forms = {key: form for key, form in self._forms.items() if form in kept}
            self._by_object = {key: pair for key, pair in self._by_object.items() if pair[1] in kept}

    def _fresh(self, node: Node, names: Mapping[str, Type], missing: Missing) -> Form:
        tree = read_tree(node, names, self._reader)
        places: dict[Atom, int] = {}
        code = np.array(code_of(tree, places), np.int64).reshape(-1, 2)
        demands = demands_of(tree, missing)
        return Form(
            missing,
            tree,
            tuple(places),
            code,
            depth_of(tree),
            tuple(demands.of),
            tuple(demands.of.values()),
            demands.exact,
            demands.never,
        )
