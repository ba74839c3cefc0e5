"""Warns of fields and texts that a rule asks for and that traffic never had, and of conditions that always have one answer."""

from collections.abc import Iterator

from features.expressions.syntax.rewrite import nodes_of
from features.expressions.syntax.syntax import Chain, ListOf, Literal, Node, dotted
from patterns.language.cost import formulas_of
from patterns.language.pattern import Condition, Formula, Pattern
from patterns.language.scope import Seen

_EVENT = "event."
_SHOWN_MAX = 3


def warnings_of(pattern: Pattern, seen: Seen) -> Iterator[str]:
    """Yields a sentence for each field and each text that the expressions of a rule compare, and that traffic never had."""
    for formula in _formulas(pattern):
        yield from _unseen_fields(formula, seen)
        yield from _unseen_texts(formula, seen)


def asked_fields(pattern: Pattern) -> list[str]:
    """Returns the names of the event's fields, without ``event.``, that `warnings_of` looks at."""
    names = [name for formula in _formulas(pattern) for name in formula.names if name.startswith(_EVENT) and " in " not in name]
    return [name.removeprefix(_EVENT) for name in dict.fromkeys(names)]


def _formulas(pattern: Pattern) -> list[Formula]:
    return [*formulas_of(pattern.when, pattern.sequence, pattern.adaptive), *(each.when for each in pattern.exceptions)]


def constant_conditions(pattern: Pattern) -> Iterator[str]:
    """Yields a sentence for each condition that reads nothing of the event, so that it has the same answer for all."""
    for formula in formulas_of(pattern.when, pattern.sequence, {}):
        if isinstance(formula, Condition) and not formula.names:
            yield f"{formula.place.at(1, 1)}: {formula.text.strip()} reads nothing of the event, so that it has one answer for all"


def _unseen_fields(formula: Formula, seen: Seen) -> Iterator[str]:
    found = {name for name in formula.names if name.startswith(_EVENT) and " in " not in name}
    for name in sorted(name for name in found if name.removeprefix(_EVENT) not in seen.fields):
        yield f"{formula.place.at(1, 1)}: no event has had a value in {name} yet"


def _unseen_texts(formula: Formula, seen: Seen) -> Iterator[str]:
    for name, literal in _compared(formula.node):
        texts = seen.texts.get(name.removeprefix(_EVENT))
        if texts is not None and name.removeprefix(_EVENT) in seen.fields and literal.value not in texts:
            some = ", ".join(sorted(texts)[:_SHOWN_MAX])
            where = formula.place.at(literal.at.line, literal.at.column)
            yield f'{where}: no event has had "{literal.value}" in {name} yet; it has had {some}{", …" if len(texts) > _SHOWN_MAX else ""}'


def _compared(node: Node) -> Iterator[tuple[str, Literal]]:
    """Yields the names of fields with the texts that they are compared with by ``==``, ``!=`` and ``in [...]``."""
    for each in nodes_of(node):
        if isinstance(each, Chain) and each.rest[0][0] in ("==", "!=", "in"):
            sides = [each.first, *(operand for _, _, operand in each.rest)]
            names = [found[1] for side in sides if (found := dotted(side)) is not None and found[1].startswith(_EVENT)]
            for name in names[:1]:
                for side in sides:
                    yield from ((name, literal) for literal in _texts(side))


def _texts(node: Node) -> Iterator[Literal]:
    for each in node.items if isinstance(node, ListOf) else (node,):
        if isinstance(each, Literal) and isinstance(each.value, str):
            yield each
