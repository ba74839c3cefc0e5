"""Reads of earlier steps in expressions: ``probe.count`` and captures such as ``probe.mean(event.amount)``."""

import difflib
from dataclasses import dataclass

from features.expressions.functions.types import Type
from features.expressions.names import Names
from features.expressions.syntax.syntax import Call, Name, Node, Select, dotted
from foundation.place import Mark, Source
from patterns.language.pattern import CAPTURES

COUNT = "count"
_CAPTURED = ("event.", "feature.", "model.")
_OF_NUMBERS = ("sum", "mean", "min", "max")
_FORMS = f"{COUNT}, or one of {', '.join(CAPTURES)} of an event's value, as in step.mean(event.amount)"


@dataclass(frozen=True, slots=True)
class EarlierSteps:
    """Holds the steps of a sequence as one expression sees them.

    Args:
        names: all steps.
        readable: those whose events the expression may read.
        otherwise: says why it may not read the others.
    """

    names: frozenset[str] = frozenset()
    readable: tuple[str, ...] = ()
    otherwise: str = ""

    def read(self, node: Node, names: Names, source: Source, types: dict[str, Type]) -> Node | None:
        """Returns the name that stands in the place of `node` where that is a read of a step, and None otherwise.

        Args:
            names: what may be captured.
            types: gets the type of what is read, by name.

        Raises:
            ExpressionRefusal: the step may not be read here, or not so.
        """
        step = node.target if isinstance(node, Call) else node.operand if isinstance(node, Select) else None
        if not isinstance(step, Name) or step.name not in self.names:
            return None
        if step.name not in self.readable:
            expected = ", ".join(self.readable) or "no read of a step"
            source.refuse(step.at, "step that cannot be read here", expected, step.name, self.otherwise)
        if isinstance(node, Call):
            return self._captured(step.name, node, names, source, types)
        assert isinstance(node, Select)
        self._counted(step.name, node, names, source, types)
        return None

    def _counted(self, step: str, node: Select, names: Names, source: Source, types: dict[str, Type]) -> None:
        if node.field != COUNT:
            remedy = f"write {step}.last(event.{node.field})" if f"event.{node.field}" in names.types else ""
            source.refuse(node.at, "not read of a step", _FORMS, f"{step}.{node.field}", remedy)
        types[f"{step}.{COUNT}"] = Type.INT

    def _captured(self, step: str, node: Call, names: Names, source: Source, types: dict[str, Type]) -> Name:
        if node.function not in CAPTURES:
            near = difflib.get_close_matches(node.function, (*CAPTURES, COUNT), n=1)
            remedy = f"write {step}.{COUNT}" if node.function == COUNT else f"did you mean {near[0]}?" if near else ""
            source.refuse(node.at, "not read of a step", _FORMS, f"{step}.{node.function}(…)", remedy)
        path, type = _value(node, names, source)
        if node.function in _OF_NUMBERS and not type.is_number:
            expected = f"a number, or {step}.first or {step}.last of any other value"
            source.refuse(node.arguments[0].at, "not a number", expected, f"{path}, a {type.value}")
        name = f"{step}.{node.function}({path})"
        types[name] = Type.DOUBLE if node.function in _OF_NUMBERS else type
        return Name(node.at, name)


def _value(node: Call, names: Names, source: Source) -> tuple[str, Type]:
    """Returns the name that a capture reads, and its type."""
    argument = node.arguments[0] if len(node.arguments) == 1 else None
    found = None if argument is None else dotted(argument)
    if found is None:
        at: Mark = node.at if argument is None else argument.at
        source.refuse(at, "not a value of an event", "one name, such as event.amount", "something else", "make it a feature, and read that")
    path = found[1]
    if path not in names.types or not path.startswith(_CAPTURED):
        known = Names({name: type for name, type in names.types.items() if name.startswith(_CAPTURED)})
        source.refuse(found[0].at, "unknown name", known.expected(path), path, known.nearest(path))
    return path, names.types[path]
