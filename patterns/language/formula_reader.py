"""Reads the expressions of a rule: puts constants in the place of parameters, resolves reads of steps, and checks names and types."""

import difflib
from dataclasses import dataclass, replace
from typing import NoReturn

from features.expressions.expression import Expression, compile_node
from features.expressions.functions.types import Type
from features.expressions.macros import MACROS
from features.expressions.names import IN_LIST, LIST, Names
from features.expressions.syntax.parser import read_expression
from features.expressions.syntax.rewrite import nodes_of, rewritten
from features.expressions.syntax.syntax import Call, Name, Node, Select, dotted
from foundation.document import Section
from foundation.place import ExpressionRefusal, Mark, Place, Source
from patterns.language.earlier_steps import EarlierSteps
from patterns.language.parameters import PARAMETER, Parameters
from patterns.language.pattern import Condition, Formula, Missing
from patterns.language.scope import Scope

_BEGINNING = Mark(1, 1)
NO_STEPS = EarlierSteps()


@dataclass(frozen=True)
class FormulaReader:
    """Reads expressions that stand in one part of a rule.

    Args:
        kind: the entity type at whose stage they are evaluated.
        names: what they may read beside parameters and steps.
    """

    scope: Scope
    kind: str
    names: Names
    parameters: Parameters
    missing: Missing = Missing.FALSE
    steps: EarlierSteps = NO_STEPS

    def with_steps(self, steps: EarlierSteps) -> "FormulaReader":
        return replace(self, steps=steps)

    def condition(self, section: Section) -> Condition:
        """Reads a condition.

        Raises:
            Refusal: it is no expression, reads what it may not, or gives no bool.
        """
        if section.is_list():
            section.refuse("wrong type", "one condition as a text", "a list", "join the conditions with && in one text")
        read = self.formula(section, (Type.BOOL,))
        return Condition(read.text, read.node, read.type, read.names, read.lists, read.place, read.cost, self.missing)

    def formula(self, section: Section, types: tuple[Type, ...] = tuple(Type)) -> Formula:
        """Reads an expression that gives a value of one of `types`.

        Raises:
            Refusal: it is no expression, reads what it may not, or gives a value of another type.
        """
        return self.formula_of(section.text(), section.text_place(), types)

    def formula_of(self, text: str, place: Place, types: tuple[Type, ...] = tuple(Type)) -> Formula:
        """Reads the expression `text`, which stands at `place`; see `formula`."""
        source = Source(text, place)
        node, names = self._resolved(source)
        expression = self._compiled(source, node, names)
        if expression.type not in types:
            _refuse_type(source, expression.type, types)
        lists = frozenset(name.split(IN_LIST)[1] for name in expression.names if IN_LIST in name)
        self._check_lists(source, node, lists)
        return Formula(text, node, expression.type, expression.names, lists, place, expression.cost)

    def _resolved(self, source: Source) -> tuple[Node, Names]:
        """Returns the tree with constants in the place of parameters and names in that of captures, and the names that it may read."""
        node = read_expression(source)
        hidden = {PARAMETER, *self.steps.names}
        if not any(name in source.text for name in hidden):
            return node, self.names
        types: dict[str, Type] = {}

        def change(each: Node) -> Node | None:
            _check_variable(each, hidden, source)
            if isinstance(each, Select) and isinstance(each.operand, Name) and each.operand.name == PARAMETER:
                return self._parameter(each, source)
            return self.steps.read(each, self.names, source, types)

        return rewritten(node, change), self.names.extended(types) if types else self.names

    def _parameter(self, node: Select, source: Source) -> Node:
        if node.field not in self.parameters:
            self._refuse_parameter(node, source)
        return self.parameters[node.field].node(node.at)

    def _refuse_parameter(self, node: Select, source: Source) -> NoReturn:
        near = difflib.get_close_matches(node.field, self.parameters, n=1)
        declared = ", ".join(f"{PARAMETER}.{name}" for name in self.parameters)
        expected = f"one of {declared}" if declared else "no parameter: there are none"
        remedy = f"did you mean {PARAMETER}.{near[0]}?" if near else f"declare it: parameters: {{{node.field}: …}}"
        source.refuse(node.at, "unknown parameter", expected, f"{PARAMETER}.{node.field}", remedy)

    def _compiled(self, source: Source, node: Node, names: Names) -> Expression:
        try:
            return compile_node(source, node, names)
        except ExpressionRefusal as refusal:
            if refusal.what == "unknown name" and self.kind != self.scope.schema.user and self._known_later(refusal.got):
                self._refuse_later(refusal)
            nearer = self._nearer(refusal.got) if refusal.what == "unknown name" else ""
            if not nearer:
                raise
            raise ExpressionRefusal(
                refusal.what,
                where=refusal.where,
                expected=refusal.expected,
                got=refusal.got,
                remedy=f"did you mean {nearer}?",
                excerpt=refusal.excerpt,
            ) from None

    def _nearer(self, name: str) -> str:
        """Returns the parameter or the list that was meant by a name without its root, or with another one; '' for none."""
        root, _, last = name.rpartition(".")
        if last in self.parameters and root in ("", "parameters", "params", "param"):
            return f"{PARAMETER}.{last}"
        return f"{LIST}{last}" if last in self.scope.lists and root in ("", "lists") and self.names.lists else ""

    def _known_later(self, name: str) -> bool:
        return name in self.scope.names_at(self.scope.schema.user).types or name.startswith((LIST, "adaptive."))

    def _refuse_later(self, refusal: ExpressionRefusal) -> NoReturn:
        raise ExpressionRefusal(
            f"not known at the stage of {self.kind}",
            where=refusal.where,
            expected=f"fields of the event and features of {self.kind}: it works before the stage of {self.scope.schema.user}",
            got=refusal.got,
            remedy=f"ask it in when, beside the sequence, or let {self.scope.schema.user} be the key",
            excerpt=refusal.excerpt,
        ) from None

    def _check_lists(self, source: Source, node: Node, lists: frozenset[str]) -> None:
        for each in nodes_of(node) if lists - self.scope.lists else ():
            path = dotted(each)
            if path is not None and path[1].startswith(LIST) and path[1].removeprefix(LIST) not in self.scope.lists:
                refuse_list(source, each.at, path[1].removeprefix(LIST), self.scope)


def refuse_list(source: Source, at: Mark, name: str, scope: Scope) -> NoReturn:
    """Refuses the list `name`, which the release does not declare."""
    source.refuse(at, "unknown list", _lists_of(scope), f"{LIST}{name}", list_remedy(name, scope))


def list_remedy(name: str, scope: Scope) -> str:
    """Says what to do about a list that is not there."""
    near = difflib.get_close_matches(name, scope.lists, n=1)
    return f"did you mean {near[0]}?" if near else f"declare it: lists/{name}.txt in the folder, or PUT /v1/lists/{name}"


def _lists_of(scope: Scope) -> str:
    return "one of " + (", ".join(sorted(scope.lists)) or "the release's lists: none")


def _check_variable(node: Node, hidden: set[str], source: Source) -> None:
    """Refuses a macro whose variable hides what the rule declares."""
    variable = node.arguments[0] if isinstance(node, Call) and node.function in MACROS and node.arguments else None
    if isinstance(variable, Name) and variable.name in hidden:
        source.refuse(variable.at, "variable with the name of something else", "a variable of its own", variable.name)


def _refuse_type(source: Source, found: Type, types: tuple[Type, ...]) -> NoReturn:
    wanted = "number" if all(type.is_number for type in types) else " or a ".join(type.value for type in types)
    expected = f"an expression that gives a {wanted}"
    condition = types == (Type.BOOL,)
    remedy = "compare it: event.x > 0" if condition and found.is_number else ""
    source.refuse(_BEGINNING, "not a condition" if condition else "value of another type", expected, f"a {found.value}", remedy)
