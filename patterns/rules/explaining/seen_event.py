"""One event as an explanation of a rule sees it: what is known of it, wherever that was kept."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from features.expressions.functions.column import Column, Fault, Value
from features.expressions.functions.types import Type
from features.expressions.syntax.rewrite import nodes_of
from features.expressions.syntax.syntax import dotted
from patterns.language.pattern import Pattern
from patterns.rules.values.wording import reads_of_reason
from patterns.sequences.plan.programs import node_of, reads_of


@dataclass(frozen=True)
class SeenEvent:
    """Holds what is known of one event.

    Args:
        id, user: as texts; '' of an event that is forgotten.
        time_ms: its time.
        id_key: the number by which it is known among events of one time.
        types: of the names that the rule reads.
        values: by name; times are in microseconds. A name that is neither here nor `unknown` is missing.
        unknown: names whose values nobody has any more, each with the reason why, as the end of a sentence.
        late: whether its user had a newer event before: then no sequence takes it.
    """

    id: str
    user: str
    time_ms: int
    id_key: int
    types: Mapping[str, Type]
    values: Mapping[str, Value | Fault | None]
    unknown: Mapping[str, str]
    late: bool = False

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Returns a column of one value for each name that is known."""
        names = [name for name in self.types if name not in self.unknown]
        return {name: Column.of_values(self.types[name], [self.values.get(name)]) for name in names}

    def without_values(self, reason: str) -> "SeenEvent":
        """Returns the event with nothing known of its values; `reason`: why, as the end of a sentence."""
        return replace(self, values={}, unknown=dict.fromkeys(self.types, reason))


def forgotten_event(time_ms: int, id_key: int, types: Mapping[str, Type], reason: str) -> SeenEvent:
    """Returns an event of which nothing is known but its place; `reason`: why, as the end of a sentence."""
    return SeenEvent("", "", time_ms, id_key, types, {}, dict.fromkeys(types, reason))


def names_asked(pattern: Pattern, types: Mapping[str, Type]) -> dict[str, Type]:
    """Returns the names of an event's values that a rule reads, with their types; reads of earlier steps are not among them.

    Args:
        types: of all that may be read, for what the rule reads of the events of steps.
    """
    found: dict[str, Type] = {}
    for formula in pattern.conditions:
        found |= {name: type for name, type in formula.names.items() if not _is_of_a_step(name, pattern)}
    captured = (name for text in _captured(pattern) for name in _names_in(text))
    return found | {name: types[name] for name in captured if name in types}


def _is_of_a_step(name: str, pattern: Pattern) -> bool:
    steps = () if pattern.sequence is None else pattern.sequence.steps
    return name.partition(".")[0] in {step.name for step in steps}


def _captured(pattern: Pattern) -> set[str]:
    """Returns the texts of what is captured of the events of steps."""
    if pattern.sequence is None:
        return set()
    steps = {step.name: at for at, step in enumerate(pattern.sequence.steps)}
    asked = [read for formula in pattern.conditions for read in reads_of(formula, steps)]
    return {read.text for read in (*asked, *reads_of_reason(pattern).values()) if read.text}


def _names_in(text: str) -> set[str]:
    return {path[1] for node in nodes_of(node_of(text)) if (path := dotted(node)) is not None}
