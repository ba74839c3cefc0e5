"""Parameters of a rule: constants by name, so that a rule that extends another one can have other numbers."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from features.expressions.syntax.syntax import Call, ListOf, Literal, Node
from foundation.document import Section, duration_text
from foundation.place import Mark
from patterns.language.file_form import ParameterForm, fields
from patterns.language.pattern import Constant
from patterns.language.said import TEXT_CHARACTERS_MAX, read_name

PARAMETERS_MAX = 64
"""The maximum number of parameters of one rule."""
VALUES_MAX = 1_000
"""The maximum number of values of a parameter that is a list."""
TYPES = ("boolean", "integer", "number", "text", "duration")
"""The types of a parameter and of the values of a list."""
_INT_MAX = (1 << 63) - 1
_PYTHON_TYPES = {"boolean": bool, "integer": int, "number": int | float, "text": str}
_WORDS = {"boolean": "true or false", "integer": "a whole number", "number": "a number", "text": "a text"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """Holds the value of a parameter.

    Args:
        type: one of `TYPES`.
        value: one value, or those of a list. A duration is in milliseconds.
    """

    type: str
    value: Constant | tuple[Constant, ...]

    def node(self, at: Mark) -> Node:
        """Returns the constant that stands in the place of ``parameter.name``, which stood at `at`."""
        if isinstance(self.value, tuple):
            return ListOf(at, tuple(self._constant(value, at) for value in self.value))
        return self._constant(self.value, at)

    @property
    def written(self) -> str | None:
        """Returns the value as a field has it that is no expression, such as ``15m``; None for a list."""
        if isinstance(self.value, tuple):
            return None
        return duration_text(int(self.value)) if self.type == "duration" else str(self.value)

    def _constant(self, value: Constant, at: Mark) -> Node:
        if self.type == "duration":
            return Call(at, "duration", None, (Literal(at, f"{float(value) / 1_000}s"),))
        return Literal(at, value)


Parameters = Mapping[str, Parameter]

PARAMETER = "parameter"
NUMBERS = frozenset(
    (
        *("within", "gap", "times", "rate", "half_life", "floor", "cap", "adjust", "for", "matches", "per"),
        *("matches_at_least", "matches_at_most", "precision_at_least"),
    )
)
"""The fields of a rule that may stand as ``parameter.name``: numbers, shares and lengths of time."""


def written_in(section: Section, parameters: Parameters) -> str | None:
    """Returns what stands in a field in the place of ``parameter.name``; None where the field has anything else.

    Raises:
        Refusal: there is no such parameter, or it is a list.
    """
    root, _, name = str(section.plain()).partition(".")
    if root != PARAMETER or not name:
        return None
    written = parameters[name].written if name in parameters else None
    if written is None:
        single = [known for known, parameter in parameters.items() if parameter.written is not None]
        near = difflib.get_close_matches(name, single, n=1)
        expected = "one of " + (", ".join(f"{PARAMETER}.{known}" for known in single) or "the parameters that are no list: none")
        section.refuse("unknown parameter", expected, f"{PARAMETER}.{name}", f"did you mean {PARAMETER}.{near[0]}?" if near else "")
    return written


def read_parameters(declared: Section | None, inherited: Parameters) -> dict[str, Parameter]:
    """Reads ``parameters:``. One that is `inherited` keeps its type.

    Raises:
        Refusal: a name or value cannot be, or a value is not of its type.
    """
    found = dict(inherited)
    for name, value in () if declared is None else declared.entries():
        known = read_name(name, "a parameter")
        found[known] = _read(value, inherited.get(known))
        if len(found) > PARAMETERS_MAX:
            name.refuse("too many parameters", f"at most {PARAMETERS_MAX}", known)
    return found


def _read(section: Section, inherited: Parameter | None) -> Parameter:
    if not section.is_mapping():
        return _of_type(section, _type_of(section) if inherited is None else inherited.type, inherited)
    section.only(*fields(ParameterForm))
    type = section.at("type").choice(TYPES)
    if inherited is not None and type != inherited.type:
        section.at("type").refuse("another type than before", f"{inherited.type}, as in the rule that this one extends", type)
    return _of_type(section.at("default"), type, inherited)


def _of_type(section: Section, type: str, inherited: Parameter | None) -> Parameter:
    if inherited is not None and isinstance(inherited.value, tuple) is not section.is_list():
        expected = f"{'a list' if isinstance(inherited.value, tuple) else 'one value'}, as in the rule that this one extends"
        section.refuse("another type than before", expected)
    if not section.is_list():
        return Parameter(type, _constant(section, type))
    values = tuple(_constant(item, type) for item in section.items())
    if not 0 < len(values) <= VALUES_MAX:
        section.refuse("not a list of values", f"1 to {VALUES_MAX} values", f"{len(values)}")
    return Parameter(type, values)


def _type_of(section: Section) -> str:
    """Returns the type of a value that is given without one. A list of whole numbers and others is one of numbers."""
    if section.is_list():
        found = {_type_of(item) for item in section.items()}
        return "number" if found == {"integer", "number"} else min(found, default="text")
    value = section.plain()
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "text"


def _constant(section: Section, type: str) -> Constant:
    if type == "duration":
        return section.duration_ms()
    value = section.plain()
    if isinstance(value, bool) is not (type == "boolean") or not isinstance(value, _PYTHON_TYPES[type]):
        section.refuse("value of another type", _WORDS[type], section.plain() if value is not None else "nothing")
    if type != "text":
        return float(value) if type == "number" else section.integer(-_INT_MAX, _INT_MAX) if type == "integer" else section.flag()
    text = section.text()
    if len(text) > TEXT_CHARACTERS_MAX:
        section.refuse("text too long", f"at most {TEXT_CHARACTERS_MAX} characters", f"{len(text)} characters")
    return text
