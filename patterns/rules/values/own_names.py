"""Gives the learned thresholds of a rule names that no other rule has: ``adaptive.usual`` of two rules are two numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from features.expressions.functions.types import Type
from features.expressions.syntax.rewrite import rewritten
from features.expressions.syntax.syntax import Name, Node, Select
from patterns.language.pattern import Formula, Pattern, Template
from patterns.language.pattern import Sequence as Steps

ADAPTIVE = "adaptive"
_Formula = TypeVar("_Formula", bound=Formula)


def labels_of(patterns: Sequence[Pattern]) -> list[str]:
    """Returns what tells rules apart: their ids, and of those of one id, where a backtest has two, the versions as well."""
    counts = Counter(pattern.id for pattern in patterns)
    return [pattern.id if counts[pattern.id] == 1 else f"{pattern.id}@{pattern.version}" for pattern in patterns]


def own_name(label: str, name: str) -> str:
    """Returns the name by which the threshold ``adaptive.name`` of a rule is read among all rules; any other name stays."""
    root, _, rest = name.partition(".")
    return f"{ADAPTIVE}.{label}.{rest}" if root == ADAPTIVE else name


def written_name(name: str) -> str:
    """Returns a name as its rule has it: ``adaptive.usual`` for that of a threshold."""
    root, _, rest = name.partition(".")
    return f"{ADAPTIVE}.{rest.partition('.')[2]}" if root == ADAPTIVE else name


def with_own_names(pattern: Pattern, label: str) -> Pattern:
    """Returns the rule with names of its own for the thresholds that its conditions and its reason read; `label`: see `labels_of`."""
    if not pattern.adaptive:
        return pattern
    reason = pattern.then.reason
    if reason is not None:
        parts = tuple(_renamed(part, label) if isinstance(part, Formula) else part for part in reason.parts)
        reason = Template(reason.text, parts)
    return replace(
        pattern,
        when=None if pattern.when is None else _renamed(pattern.when, label),
        sequence=None if pattern.sequence is None else _sequence(pattern.sequence, label),
        exceptions=tuple(replace(each, when=_renamed(each.when, label)) for each in pattern.exceptions),
        then=replace(pattern.then, reason=reason),
    )


def _sequence(sequence: Steps, label: str) -> Steps:
    steps = tuple(replace(step, when=_renamed(step.when, label)) for step in sequence.steps)
    return replace(sequence, steps=steps, until=None if sequence.until is None else _renamed(sequence.until, label))


def _renamed(formula: _Formula, label: str) -> _Formula:
    def change(node: Node) -> Node | None:
        if isinstance(node, Select) and isinstance(node.operand, Name) and node.operand.name == ADAPTIVE:
            return replace(node, operand=Select(node.at, node.operand, label))
        return None

    return replace(formula, node=rewritten(formula.node, change), names=_names(formula.names, label))


def _names(names: Mapping[str, Type], label: str) -> dict[str, Type]:
    return {own_name(label, name): type for name, type in names.items()}
