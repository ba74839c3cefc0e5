"""Turns a parsed expression into typed steps: looks names up, chooses overloads, and refuses what does not fit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from features.expressions.aggregates import LOGIC_COST, Aggregates
from features.expressions.calls import Calls
from features.expressions.functions.column import Fault
from features.expressions.functions.logic import both, choose, either, present
from features.expressions.functions.terms import Key, ListTerm, MapTerm, Scalar, Term
from features.expressions.functions.types import Type
from features.expressions.macros import MACROS, Macros
from features.expressions.names import IN_LIST, LIST, Names
from features.expressions.program import Builder
from features.expressions.syntax.syntax import Call, Chain, Choice, Index, ListOf, Literal, MapOf, Name, Node, Select, Unary, dotted
from foundation.place import Mark, Source

_LITERAL_TYPES: dict[type, Type] = {bool: Type.BOOL, int: Type.INT, float: Type.DOUBLE, str: Type.STRING}
_KEY_TYPES = (Type.BOOL, Type.INT, Type.STRING)


@dataclass(frozen=True)
class Checker:
    """Makes the steps of one expression.

    Args:
        variables: variables of the enclosing macros, by name.
        reads: collects the names that the expression reads.
    """

    source: Source
    names: Names
    builder: Builder
    reads: dict[str, Type]
    variables: Mapping[str, Term]

    def term(self, node: Node) -> Term:
        """Returns what `node` means as steps.

        Raises:
            ExpressionRefusal: a name is unknown, types do not fit, or the cost is too high.
        """
        self.builder.work(node.at)
        make: Callable[[Node], Term] = getattr(self, f"_{type(node).__name__.lower()}")
        return make(node)

    def scalar(self, node: Node, wanted: str = "a single value") -> Scalar:
        """Returns what `node` means, which must be one value per event."""
        term = self.term(node)
        if not isinstance(term, Scalar):
            self.source.refuse(node.at, "not a single value", wanted, f"{term.shown}")
        return term

    def condition(self, node: Node) -> int:
        """Returns the step of `node`, which must be a bool."""
        scalar = self.scalar(node, "a bool")
        if scalar.type is not Type.BOOL:
            self.source.refuse(node.at, "not a condition", "a bool", f"{scalar.shown}", _as_condition(scalar.type))
        return scalar.step

    @property
    def _aggregates(self) -> Aggregates:
        return Aggregates(self.builder, self.source)

    @property
    def _macros(self) -> Macros:
        return Macros(self.builder, self._aggregates)

    @property
    def _calls(self) -> Calls:
        return Calls(self.builder, self.source)

    def _literal(self, node: Literal) -> Term:
        kind = _LITERAL_TYPES[type(node.value)]
        return Scalar(kind, self.builder.constant(kind, node.value))

    def _name(self, node: Name) -> Term:
        if node.name in self.variables and not node.rooted:
            return self.variables[node.name]
        return self._read(node, node.name)

    def _select(self, node: Select) -> Term:
        path = self._path(node)
        if path is not None and (path in self.names.types or not self._reaches(node.operand)):
            return self._read(node, path)
        return self._field(node, self.term(node.operand))

    def _reaches(self, node: Node) -> bool:
        """Tells whether `node` is a value, so that a field of it can be read."""
        path = self._path(node)
        return path is None or path in self.names.types

    def _field(self, node: Select, term: Term) -> Term:
        if not isinstance(term, MapTerm):
            self.source.refuse(node.at, "no fields", "a map, or the name of an input", f"{term.shown}")
        return self._aggregates.entry(term, self._aggregates.key(Key(Type.STRING, node.field)), node.at)

    def _read(self, node: Name | Select, path: str) -> Term:
        if path in self.names.types:
            self.reads[path] = self.names.types[path]
            return Scalar(self.names.types[path], self.builder.load(path))
        if self.names.is_prefix(path):
            self.source.refuse(node.at, "not a value", f"a name below it: {path}.…", path)
        at = self._first_unknown(node).at
        return self.source.refuse(at, "unknown name", self.names.expected(path), path, self.names.nearest(path))

    def _first_unknown(self, node: Node) -> Node:
        """Returns the first part of a dotted name that no known name begins with."""
        while isinstance(node, Select) and not self.names.is_prefix(self._path(node.operand) or ""):
            node = node.operand
        return node

    def _path(self, node: Node) -> str | None:
        """Returns ``a.b.c`` for a name that is not a macro's variable; None for anything else."""
        found = dotted(node)
        if found is None or (found[0].name in self.variables and not found[0].rooted):
            return None
        return found[1]

    def _index(self, node: Index) -> Term:
        container, index = self.term(node.operand), self.scalar(node.index)
        if isinstance(container, MapTerm):
            return self._aggregates.entry(container, index, node.at)
        if not isinstance(container, ListTerm) or not index.type.is_number:
            expected = "list[int]" if isinstance(container, ListTerm) else "a list or a map"
            self.source.refuse(node.at, "no such element", expected, f"{container.shown}[{index.shown}]")
        return self._aggregates.element(container, index, node.at)

    def _listof(self, node: ListOf) -> Term:
        return self._aggregates.list_of([self.term(item) for item in node.items], node.at)

    def _mapof(self, node: MapOf) -> Term:
        return self._aggregates.map_of([(self._key(key), self.term(value)) for key, value in node.entries], node.at)

    def _key(self, node: Node) -> Key:
        scalar = self.scalar(node)
        value = self.builder.value_of(scalar.step)
        if value is None or isinstance(value, Fault) or scalar.type not in _KEY_TYPES:
            self.source.refuse(node.at, "not a key", "a constant bool, int or string", f"{scalar.shown}")
        return Key(scalar.type, value)

    def _unary(self, node: Unary) -> Term:
        return self._calls.operator(f"{node.operator}_", node.at, self.term(node.operand))

    def _chain(self, node: Chain) -> Term:
        if node.rest[0][0] in ("&&", "||"):
            return self._logical(node)
        left = self.term(node.first)
        for operator, at, operand in node.rest:
            listed = self._list_named(operand) if operator == "in" and self.names.lists else ""
            if listed:
                left = self._membership(node, at, left, listed)
                continue
            right = self.term(operand)
            left = self._calls.aggregate(self._aggregates, operator, at, left, right) or self._calls.operator(operator, at, left, right)
        return left

    def _list_named(self, node: Node) -> str:
        """Returns the name of the list that ``list.name`` names; '' for anything else."""
        path = self._path(node) or ""
        return path.removeprefix(LIST) if path.startswith(LIST) and path not in self.names.types else ""

    def _membership(self, node: Chain, at: Mark, left: Term, listed: str) -> Scalar:
        """Reads whether a text of the event is on a list: whoever runs the expression gives it as a column, since lists change."""
        path = self._path(node.first) or ""
        if len(node.rest) > 1 or not isinstance(left, Scalar) or left.type is not Type.STRING or not path.startswith("event."):
            self.source.refuse(at, "not asked of a text of the event", f"event.x in {LIST}{listed}, where x is a text or an id", left.shown)
        name = f"{path}{IN_LIST}{listed}"
        self.reads[name] = Type.BOOL
        return Scalar(Type.BOOL, self.builder.load(name))

    def _logical(self, node: Chain) -> Term:
        step = self.condition(node.first)
        for operator, at, operand in node.rest:
            right = self.condition(operand)
            step = self.builder.apply(both if operator == "&&" else either, step, right, cost=LOGIC_COST, at=at)
        return Scalar(Type.BOOL, step)

    def _choice(self, node: Choice) -> Term:
        condition, yes, no = self.condition(node.condition), self.scalar(node.yes), self.scalar(node.no)
        if yes.type is not no.type:
            self.source.refuse(node.no.at, "types that differ", f"{yes.shown} on both sides of the colon", f"{no.shown}")
        return Scalar(yes.type, self.builder.apply(choose, condition, yes.step, no.step, cost=LOGIC_COST, at=node.at))

    def _call(self, node: Call) -> Term:
        if node.target is None and node.function == "has":
            return self._has(node)
        if isinstance(node.target, Name) and node.target.name == "math" and "math" not in self.variables:
            named = replace(node, function=f"math.{node.function}", target=None)
            return self._calls.function(named, [self.term(argument) for argument in node.arguments])
        if node.target is not None and node.function in MACROS:
            return self._macro(node, node.target)
        self._calls.check_known(node)
        arguments = ([] if node.target is None else [node.target]) + list(node.arguments)
        terms = [self.term(argument) for argument in arguments]
        if node.function == "size" and len(terms) == 1 and not isinstance(terms[0], Scalar):
            return self._aggregates.size(terms[0], node.at)
        if node.function == "dyn" and len(terms) == 1 and node.target is None:
            return terms[0]
        return self._calls.function(node, terms)

    def _has(self, node: Call) -> Term:
        field = node.arguments[0] if len(node.arguments) == 1 else None
        if not isinstance(field, Select):
            self.source.refuse(node.at, "nothing to ask for", "has(event.x)", "no name with a dot")
        path = self._path(field)
        if path is not None and (path in self.names.types or not self._reaches(field.operand)):
            read = self._read(field, path)
            assert isinstance(read, Scalar)
            return Scalar(Type.BOOL, self.builder.apply(present, read.step, cost=1, at=node.at))
        term = self.term(field.operand)
        if not isinstance(term, MapTerm):
            self.source.refuse(field.at, "no fields", "a map, or the name of an input", f"{term.shown}")
        key = self._aggregates.key(Key(Type.STRING, field.field))
        return self._aggregates.contains(key, term, field.at)

    def _macro(self, node: Call, target: Node) -> Term:
        term = self.term(target)
        wanted = (2, 3) if node.function == "map" else (2,)
        variable = node.arguments[0] if node.arguments else None
        if isinstance(term, Scalar):
            self.source.refuse(node.at, "not a list or a map", f"list.{node.function}(…) or map.{node.function}(…)", f"{term.shown}")
        if len(node.arguments) not in wanted or not isinstance(variable, Name):
            expected = f"{node.function}(variable, …) with {' or '.join(str(count) for count in wanted)} arguments"
            self.source.refuse(node.at, "a macro needs a variable", expected, f"{len(node.arguments)}")
        return self._written_out(node, variable.name, self._macros.over(term))

    def _written_out(self, node: Call, variable: str, items: ListTerm) -> Term:
        def inside(term: Term) -> "Checker":
            return replace(self, variables={**self.variables, variable: term})

        def condition(term: Term) -> int:
            return inside(term).condition(node.arguments[1])

        macros = self._macros
        if node.function == "map":
            kept = macros.filter(items, condition, node.at) if len(node.arguments) == 3 else items
            return macros.map(kept, lambda term: inside(term).term(node.arguments[-1]), node.at)
        if node.function == "filter":
            return macros.filter(items, condition, node.at)
        quantified = {"all": macros.all, "exists": macros.exists, "exists_one": macros.exists_one}[node.function]
        return quantified(items, condition, node.at)


def _as_condition(type: Type) -> str:
    return "compare it: x > 0" if type.is_number else ""
