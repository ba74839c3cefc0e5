"""The compiled form of one condition. It knows nothing of others, so that it is made once and kept while rules around it change."""

from collections.abc import Mapping
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

    Args:
        kept_max: when there are more forms, those that the newest set does not hold are forgotten.
    """

    def __init__(self) -> None:
        self.texts = TextNumbers()
        self._reader = AtomReader(self.texts)
        self._forms: dict[object, Form] = {}

    def of(self, condition: Condition) -> Form:
        """Returns the form of a condition."""
        key = (canonical(condition.node), condition.missing, tuple(condition.names.items()))
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = self._fresh(condition.node, condition.names, condition.missing)
        return form

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
