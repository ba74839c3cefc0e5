"""Expressions of the Common Expression Language, compiled to run over whole batches.

An expression is a text such as ``event.amount > 100.0 && event.category in ["a", "b"] || feature.count_1h > 3.0``. It is read by the
published grammar, typed by the names that it may read, and compiled to a sequence of steps over numpy columns.
One event is a batch of one, so both answer alike. Nothing in an expression reaches Python: names are looked up in a table, and
functions are those of a table.

**Missing values.** A field that the event lacks is *missing*, and so is a feature that is NaN. Whatever needs a missing value is
missing itself: arithmetic, comparisons, functions, the whole of a list with a missing element. A missing value counts as an error
does in ``&&`` and ``||``: the other side may decide alone, in either order, so ``has(event.x) && event.x > 3`` is false where x is
missing and ``event.x > 3 || true`` is true. ``c ? a : b`` needs c and the side taken. ``has(event.x)`` is never missing. A
condition that ends without a value is false (`Column.truths`), a feature that does is missing: NaN (`Column.numbers`).

**Errors while running** are values too: division of integers by zero, integers or times out of range, an index or key that is not
there, a text that cannot be converted or is too long. They spread as missing does; where both meet, the error shows. Doubles have
none: they become infinite or NaN, and a feature that is NaN is missing.

**Cost** is bounded when an expression is compiled: its length, its nesting, the length of its lists and texts, the size of its
patterns, and the sum over its steps. Macros go over lists that stand in the expression and are written out, so nothing loops.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from features.expressions.checker import Checker
from features.expressions.functions.column import Column, Fault, Value
from features.expressions.functions.terms import Scalar
from features.expressions.functions.types import Type
from features.expressions.names import Names
from features.expressions.number_code import NumberCode, number_code_of
from features.expressions.program import Builder, Program
from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.parser import read_expression
from features.expressions.syntax.syntax import Node
from foundation.place import Mark, Place, Source


@dataclass(frozen=True)
class Expression:
    """A compiled expression.

    Args:
        text: as it was written.
        type: type of the result.
        names: names that it reads, with their types.
        cost: estimated upper bound of the CPU time per event in batches of 1,000, in nanoseconds.
        canonical: the same text for all ways to write this expression; it compiles to the same steps.
        work: number of values and operations that compiling it looked at, some 10 µs each.
    """

    text: str
    type: Type
    names: Mapping[str, Type]
    cost: int
    canonical: str
    work: int
    _program: Program

    @cached_property
    def number_code(self) -> NumberCode | None:
        """The same as a table of steps, where it computes with doubles alone; None where it does not."""
        return number_code_of(self._program, self.names)

    def over(self, columns: Mapping[str, Column]) -> Column:
        """Computes the value for each event.

        Args:
            columns: at least those of `names`, all with one value per event; at least one column.

        Raises:
            KeyError: a name that the expression reads has no column.
            TypeError: a column is of another type than the name.
        """
        for name, type in self.names.items():
            if columns[name].type is not type:
                raise TypeError(f"{name} is a {columns[name].type.value} column where a {type.value} is read")
        n = len(next(iter(columns.values())).values)
        return self._program.run(columns).spread(n)

    def of(self, values: Mapping[str, Value | None]) -> Value | Fault:
        """Computes the value for one event, or the reason why there is none.

        Args:
            values: values by name; None or absent where the event lacks it. Times are in microseconds.
        """
        columns = {name: Column.of_values(type, [values.get(name)]) for name, type in self.names.items()}
        return self._program.run(columns).spread(1).item(0)


def compile_expression(text: str, names: Names, where: Place | None = None) -> Expression:
    """Compiles the expression `text`.

    Args:
        names: names that it may read.
        where: the place of the text, for refusals.

    Raises:
        ExpressionRefusal: it is not in the language, reads an unknown name, has types that do not fit, gives a list or a map, or
            costs too much; with line, column and caret.
    """
    source = Source(text, where or Place())
    return compile_node(source, read_expression(source), names)


def compile_node(source: Source, node: Node, names: Names) -> Expression:
    """Compiles the syntax tree `node`, such as `read_expression` makes of `source`, or that tree with parts replaced.

    Raises:
        ExpressionRefusal: as `compile_expression` does for what the tree means.
    """
    builder = Builder(source)
    reads: dict[str, Type] = {}
    term = Checker(source, names, builder, reads, {}).term(node)
    if not isinstance(term, Scalar):
        source.refuse(Mark(1, 1), "not a single value", "an expression that gives one value", f"{term.shown}")
    return Expression(source.text, term.type, reads, builder.cost, canonical(node), builder.worked, builder.finish(term.step))
