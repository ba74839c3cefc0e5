"""Reads atomic predicates: each asks whether the value of an attribute is in a set.

An attribute is a name, or any expression that is compared with constants, such as ``event.amount / feature.mean_30d``. A predicate that
compares nothing with constants is an attribute itself: a bool that has to be true.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

from features.expressions.checker import Checker
from features.expressions.functions.column import Fault, Value
from features.expressions.functions.terms import Scalar
from features.expressions.functions.types import Type
from features.expressions.names import IN_LIST, Names
from features.expressions.program import Builder, Program
from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.syntax import Call, Chain, ListOf, Literal, Name, Node, Select
from foundation.place import Place, Source
from patterns.predicates.spans import EVERYTHING, NOTHING, Spans, compared, ints_compared_with_double, is_nan, number_of_double, spans_of
from patterns.predicates.text_numbers import TextNumbers

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_EQUALITY = ("==", "!=")
_TRUE: Spans = ((1, 1),)
_LIST_NS = 1_000


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Attribute:
    """Describes what predicates ask about.

    Args:
        text: canonical text, by which it is known.
        reads: the names that it needs, with types.
        program: computes it; None for a name, whose column is there already.
        cost_ns: an upper bound of what it costs to get an event's value, about; 0 for a name, except whether a text is on a list.
    """

    text: str
    type: Type
    reads: Mapping[str, Type]
    program: Program | None = None
    cost_ns: int = 0


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Atom:
    """Describes an atomic predicate.

    Args:
        text: canonical text, by which it is known.
        attribute: what it asks about; None where it is the same for all events.
        spans: the numbers of the values for which it is true.
        nan: whether it is true of the double NaN.
        presence: whether a missing value makes it false (`has`), instead of leaving it without a value.
        constant: what it is for all events, where it has no attribute.
    """

    text: str
    attribute: Attribute | None
    spans: Spans = NOTHING
    nan: bool = False
    presence: bool = False
    constant: bool | Fault = False


@dataclass(frozen=True, slots=True)
class _Operand:
    """Holds a checked operand: its attribute, or its constant value."""

    type: Type
    attribute: Attribute | None
    value: Value | Fault | None = None


class AtomReader:
    """Reads the atoms of conditions, and gives the same atom and attribute for the same text as long as somebody holds it.

    Args:
        texts: numbers the constants.
    """

    def __init__(self, texts: TextNumbers) -> None:
        self._texts = texts
        self._attributes: WeakValueDictionary[tuple[str, Type], Attribute] = WeakValueDictionary()
        self._atoms: WeakValueDictionary[tuple[str, tuple[tuple[str, Type], ...]], Atom] = WeakValueDictionary()

    def read(self, node: Node, names: Mapping[str, Type]) -> Atom:
        """Returns the atom that `node`, a bool, is.

        Args:
            names: at least those that it reads.
        """
        text = canonical(node)
        key = (text, tuple(sorted((name, type) for name, type in names.items() if name in text or IN_LIST in name)))
        known = self._atoms.get(key)
        if known is None:
            known = self._atoms[key] = self._fresh(node, text, names)
        return known

    def _fresh(self, node: Node, text: str, names: Mapping[str, Type]) -> Atom:
        reading = _Reading(names, self)
        if isinstance(node, Chain) and len(node.rest) == 1:
            found = reading.comparison(text, node.first, node.rest[0][0], node.rest[0][2])
            if found is not None:
                return found
        if isinstance(node, Call) and node.function == "has" and node.target is None and len(node.arguments) == 1:
            name = _path(node.arguments[0])
            if name in names:
                return Atom(text, self.named(name, names[name]), EVERYTHING, nan=True, presence=True)
        operand = reading.operand(node)
        if operand.attribute is not None:
            return Atom(text, operand.attribute, _TRUE)
        assert isinstance(operand.value, bool | Fault)
        return Atom(text, None, constant=operand.value)

    def named(self, name: str, type: Type) -> Attribute:
        """Returns the attribute that a name is."""
        return self._kept(Attribute(name, type, {name: type}, cost_ns=_LIST_NS if IN_LIST in name else 0))

    def computed(self, attribute: Attribute) -> Attribute:
        """Returns the attribute known by the same text and type, or else this one."""
        return self._kept(attribute)

    def texts_numbered(self, value: str) -> int:
        """Returns the number of a text constant."""
        return self._texts.number(value)

    def _kept(self, attribute: Attribute) -> Attribute:
        return self._attributes.setdefault((attribute.text, attribute.type), attribute)


@dataclass(frozen=True, slots=True)
class _Reading:
    names: Mapping[str, Type]
    reader: AtomReader

    def comparison(self, text: str, left: Node, operator: str, right: Node) -> Atom | None:
        """Returns the atom of ``left operator right`` where it compares an attribute with constants; else None."""
        if operator == "in":
            return self._membership(text, left, right) if isinstance(right, ListOf) else None
        if operator not in _TURNED or isinstance(left, ListOf) or isinstance(right, ListOf):
            return None
        first, second = self._scalar(left), self._scalar(right)
        if first is None or second is None or (first.attribute is None) is (second.attribute is None):
            return None
        if first.attribute is None:
            first, second, operator = second, first, _TURNED[operator]
        spans = self._spans(first.type, operator, second)
        return None if spans is None else Atom(text, first.attribute, spans, nan=operator == "!=")

    def _membership(self, text: str, left: Node, right: ListOf) -> Atom | None:
        element = self._scalar(left)
        options = [option for item in right.items if (option := self._scalar(item)) is not None and option.attribute is None]
        if element is None or element.attribute is None or len(options) < len(right.items):
            return None
        if any(isinstance(option.value, float) for option in options):  # then all are compared as doubles
            options = [_Operand(Type.DOUBLE, None, float(option.value)) for option in options if isinstance(option.value, int | float)]
        found = [self._spans(element.type, "==", option) for option in options]
        spans = [each for each in found if each is not None]
        return None if len(spans) < len(found) else Atom(text, element.attribute, spans_of(pair for each in spans for pair in each))

    def _spans(self, type: Type, operator: str, constant: _Operand) -> Spans | None:
        """Returns the numbers of the values that compare so with a constant; None where they are no spans."""
        value = constant.value
        if value is None or isinstance(value, Fault):
            return None
        if type is Type.STRING:
            return compared(operator, self.reader.texts_numbered(str(value))) if operator in _EQUALITY else None
        if is_nan(value):
            return EVERYTHING if operator == "!=" else NOTHING
        if type is Type.DOUBLE:
            return compared(operator, number_of_double(float(value)))
        return ints_compared_with_double(operator, value) if isinstance(value, float) else compared(operator, int(value))

    def _scalar(self, node: Node) -> _Operand | None:
        """Returns what `node` is; None for a list or a map."""
        if isinstance(node, Literal):
            return _Operand(_type_of(node.value), None, node.value)
        name = _path(node)
        if name in self.names:
            return _Operand(self.names[name], self.reader.named(name, self.names[name]))
        return self._checked(node)

    def operand(self, node: Node) -> _Operand:
        """Returns what `node`, a single value, is."""
        found = self._scalar(node)
        assert found is not None
        return found

    def _checked(self, node: Node) -> _Operand | None:
        source = Source(canonical(node), Place())
        builder, reads = Builder(source), dict[str, Type]()
        term = Checker(source, Names(self.names, lists=True), builder, reads, {}).term(node)
        if not isinstance(term, Scalar):
            return None
        value = builder.value_of(term.step)
        if value is not None:
            return _Operand(term.type, None, value)
        for name, type in reads.items():  # a single read, such as whether a text is on a list, computes nothing
            if builder.load(name) == term.step:
                return _Operand(term.type, self.reader.named(name, type))
        attribute = Attribute(source.text, term.type, reads, builder.finish(term.step), builder.cost)
        return _Operand(term.type, self.reader.computed(attribute))


def _type_of(value: Value) -> Type:
    return {bool: Type.BOOL, int: Type.INT, float: Type.DOUBLE, str: Type.STRING}[type(value)]


def _path(node: Node) -> str:
    """Returns ``a.b.c`` of a dotted name; '' for anything else."""
    fields: list[str] = []
    while isinstance(node, Select):
        fields.append(node.field)
        node = node.operand
    return ".".join([node.name, *reversed(fields)]) if isinstance(node, Name) else ""
