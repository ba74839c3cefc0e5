"""Computes what sequences capture of events, or compare with what they captured, as numbers."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.expressions.checker import Checker
from features.expressions.functions.column import Column as ValueColumn
from features.expressions.functions.terms import Scalar
from features.expressions.functions.types import Type
from features.expressions.names import Names
from features.expressions.program import Builder, Program
from features.schema.string_hash import word_of
from foundation.number_arrays import Float64s
from foundation.place import Source
from patterns.sequences.sequences import Column


class EventValues:
    """Holds the compiled columns of `Sequences`.

    Attributes:
        names: all that they read, with types.

    Raises:
        ExpressionRefusal: a column is no single value, or reads what its formula does not name.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.names: dict[str, Type] = {}
        self._programs = [self._compiled(column) for column in columns]

    def _compiled(self, column: Column) -> Program:
        formula = column.formula
        source = Source(formula.text, formula.place)
        builder = Builder(source)
        known = dict(formula.names) | _captured_types(formula.names)
        term = Checker(source, Names(known, lists=True), builder, self.names, {}).term(column.node)
        if not isinstance(term, Scalar):
            source.refuse(column.node.at, "not a single value", "a number, a text or a truth", f"{term.shown}")
        return builder.finish(term.step)

    def over(self, columns: Mapping[str, ValueColumn], n: int) -> Float64s:
        """Returns [n, columns]; NaN where a value is missing or cannot be computed. Texts are their hashes, times microseconds."""
        out = np.empty((n, len(self._programs)))
        for at, program in enumerate(self._programs):
            out[:, at] = _numbers(program.run(columns).spread(n))
        return out


def _captured_types(names: Mapping[str, Type]) -> dict[str, Type]:
    """Returns the types of what is captured, which is named inside captures alone: first and last have them, others are of doubles."""
    found: dict[str, Type] = {}
    for name, type in names.items():
        head, bracket, captured = name.partition("(")
        if bracket and captured.endswith(")"):
            kind = head.rpartition(".")[2]
            own = captured.removesuffix(")")
            found[own] = type if kind in ("first", "last") else found.get(own, Type.DOUBLE)
    return found


def _numbers(column: ValueColumn) -> Float64s:
    if column.type is Type.STRING:
        words = np.fromiter((word_of(text) for text in column.texts.all), np.float64, len(column.texts.all))
        numbers = words[column.values]
    else:
        numbers = column.values.astype(np.float64)
    return numbers if column.faults is None else np.where(column.faults == 0, numbers, np.nan)
