"""Computes checked expressions of rules over the columns of a batch."""

from collections.abc import Mapping

from features.expressions.checker import Checker
from features.expressions.functions.column import Column
from features.expressions.functions.terms import Scalar
from features.expressions.names import Names
from features.expressions.program import Builder, Program
from features.expressions.syntax.syntax import Node
from foundation.place import Source
from patterns.language.pattern import Formula


class CompiledFormula:
    """Computes one formula.

    Args:
        formula: a formula whose names all have columns.
    """

    def __init__(self, formula: Formula) -> None:
        self.names = tuple(formula.names)
        self._program = compiled_node(formula.node, formula)

    def over(self, columns: Mapping[str, Column], n: int) -> Column:
        """Returns the value for each of n events."""
        return self._program.run(columns).spread(n)


def compiled_node(node: Node, formula: Formula) -> Program:
    """Compiles `node`, which is a part of `formula` or all of it."""
    source = Source(formula.text, formula.place)
    builder = Builder(source)
    term = Checker(source, Names(formula.names, lists=True), builder, {}, {}).term(node)
    assert isinstance(term, Scalar)
    return builder.finish(term.step)
