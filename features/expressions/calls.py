"""Chooses operators and functions by the types of their arguments."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from features.expressions.aggregates import Aggregates
from features.expressions.functions.column import Fault
from features.expressions.functions.functions import STANDARD
from features.expressions.functions.kernel import Kernel
from features.expressions.functions.operators import CONSTANT_TEXT_COST, NOT, NUMBER_COST
from features.expressions.functions.overloads import Overload
from features.expressions.functions.terms import ListTerm, Scalar, Term, alike
from features.expressions.functions.texts import BadPattern
from features.expressions.functions.types import Type
from features.expressions.functions.zones import UnknownZone
from features.expressions.macros import MACROS
from features.expressions.program import Builder
from features.expressions.syntax.syntax import Call
from foundation.place import Mark, Source

_FUNCTIONS = [*STANDARD.functions(), "has", "dyn", *MACROS]
_SHOWN_MAX = 6
_WRITTEN_TIMES = {
    "timestamp": "RFC 3339 such as 2026-01-31T12:00:00Z, at most to the microsecond",
    "duration": "numbers with units such as 1h30m or 1.5s, at most to the microsecond",
}


@dataclass(frozen=True)
class Calls:
    """Makes the steps of one expression's operators and functions."""

    builder: Builder
    source: Source

    def operator(self, name: str, at: Mark, *terms: Term) -> Scalar:
        """Makes an operator over single values."""
        overload = self._found(name, terms)
        if overload is None:
            shown = [term.shown for term in terms]
            got = f"{name[0]}{shown[0]}" if len(shown) == 1 else f"{shown[0]} {name} {shown[1]}"
            self.source.refuse(at, "types that do not fit", self._expected(STANDARD.named(name), terms), got, _converted(name, terms))
        return self._applied(overload, at, [term for term in terms if isinstance(term, Scalar)])

    def aggregate(self, aggregates: Aggregates, name: str, at: Mark, left: Term, right: Term) -> Term | None:
        """Makes an operator over lists or maps; returns None when it is an operator of other types."""
        if name == "in":
            if isinstance(right, Scalar):
                self.source.refuse(at, "not a list or a map", "in [a, b, …]", f"{left.shown} in {right.shown}")
            return aggregates.contains(left, right, at)
        if isinstance(left, Scalar) or isinstance(right, Scalar):
            return None
        if name in ("==", "!=") and alike(left, right):
            step = aggregates.equal(left, right, at)
            return Scalar(Type.BOOL, step if name == "==" else self.builder.apply(NOT, step, cost=NUMBER_COST, at=at))
        if name == "+" and isinstance(left, ListTerm) and isinstance(right, ListTerm):
            return aggregates.joined(left, right, at)
        return None

    def check_known(self, node: Call) -> None:
        """Refuses a function that does not exist."""
        if node.function not in _FUNCTIONS:
            near = difflib.get_close_matches(node.function, _FUNCTIONS, n=1)
            remedy = _ELSEWHERE.get(node.function) or (f"did you mean {near[0]}?" if near else "")
            self.source.refuse(node.at, "unknown function", "a function of the language", node.function, remedy)
        if not STANDARD.named(node.function):
            expected = "dyn(x)" if node.function == "dyn" else "has(event.x)" if node.function == "has" else f"list.{node.function}(x, …)"
            if node.target is not None or node.function in MACROS or len(node.arguments) != 1:
                self.source.refuse(node.at, "arguments that do not fit", expected, f"{len(node.arguments)} in another form")

    def function(self, node: Call, terms: Sequence[Term]) -> Scalar:
        """Makes a function, or a method of its first argument."""
        self.check_known(node)
        method = node.target is not None
        named = STANDARD.named(node.function)
        styled = [overload for overload in named if (overload.is_method if method else overload.is_function)]
        overload = self._found(node.function, terms)
        if overload is None or overload not in styled:
            shown = [term.shown for term in terms]
            got = f"{shown[0]}.{node.function}({', '.join(shown[1:])})" if method else f"{node.function}({', '.join(shown)})"
            expected = self._expected(styled or named, terms)
            remedy = f"write {overload.signature}" if overload else ""
            self.source.refuse(node.at, "arguments that do not fit", expected, got, remedy)
        return self._applied(overload, node.at, [term for term in terms if isinstance(term, Scalar)])

    def _applied(self, overload: Overload, at: Mark, arguments: list[Scalar]) -> Scalar:
        kernel = overload.kernel
        if overload.prepare:
            kernel = self._prepared(overload, at, arguments.pop())
        assert kernel is not None
        steps = [argument.step for argument in arguments]
        constant = any(self.builder.value_of(step) is not None for step in steps)
        cost = CONSTANT_TEXT_COST if overload.name in ("==", "!=") and constant else overload.cost
        step = self.builder.apply(kernel, *steps, cost=cost, at=at)
        if overload.name in _WRITTEN_TIMES and isinstance(self.builder.value_of(step), Fault):
            written = self.builder.value_of(steps[0])
            if isinstance(written, str):
                self.source.refuse(at, f"not a {overload.name}", _WRITTEN_TIMES[overload.name], written)
        return Scalar(overload.result, step)

    def _prepared(self, overload: Overload, at: Mark, last: Scalar) -> Kernel:
        value = self.builder.value_of(last.step)
        assert overload.prepare is not None
        if not isinstance(value, str):
            self.source.refuse(at, "not a constant", f"{overload.prepared} that does not depend on the event", "an expression")
        try:
            return overload.prepare(value)
        except BadPattern as error:
            self.source.refuse(at, "bad regular expression", "a pattern that RE2 takes", value, str(error))
        except UnknownZone:
            self.source.refuse(at, "unknown zone", "an IANA zone such as Europe/Paris, or +02:00", value)

    def _found(self, name: str, terms: Sequence[Term]) -> Overload | None:
        types = tuple(term.type for term in terms if isinstance(term, Scalar))
        return STANDARD.find(name, types) if len(types) == len(terms) else None

    def _expected(self, overloads: list[Overload], terms: Sequence[Term]) -> str:
        """Returns the signatures that fit the first argument; all signatures if none fits."""
        first = terms[0].type if terms and isinstance(terms[0], Scalar) else None
        fitting = [overload for overload in overloads if overload.arguments[0] is first] or overloads
        shown = list(dict.fromkeys(overload.signature for overload in fitting))
        return ", ".join(shown[:_SHOWN_MAX]) + (", …" if len(shown) > _SHOWN_MAX else "")


_ELSEWHERE = {
    "length": "write size()",
    "len": "write size()",
    "abs": "write (x < 0.0 ? -x : x)",
    "isNull": "write !has(event.x)",
    "is_null": "write !has(event.x)",
    "exists": "write has(event.x)",
    "lower": "write lowerAscii()",
    "upper": "write upperAscii()",
}
"""Functions of other languages, and what to write here."""
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def _converted(name: str, terms: Sequence[Term]) -> str:
    types = [term.type for term in terms if isinstance(term, Scalar)]
    if name in _COMPARISONS and len(types) > 1 and types[0] is Type.BOOL and types[1].is_number:
        return "compare twice: low < x && x < high"
    if name in _COMPARISONS and Type.STRING in types and any(type.is_number for type in types):
        return "a number stands without quotes, and a text in quotes"
    if set(types) == {Type.INT, Type.DOUBLE}:
        return "write the number with a point, as in 2.0, or convert it: double(x)"
    return ""
