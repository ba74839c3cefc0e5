"""One case of the conformance table: compiled, run, and compared with what the suite says."""

import math
from typing import Any

from features.expressions.expression import compile_expression
from features.expressions.functions.column import Fault
from features.expressions.functions.types import Type
from features.expressions.names import Names

Case = dict[str, Any]


def outcome(case: Case) -> tuple[Type, object]:
    """Type and value of a case. A list or a map is compared inside the language, so its value is a bool."""
    names = Names({name: Type(type) for name, type in case.get("types", {}).items()})
    value = case.get("value", {})
    text = f"({case['expr']}\n) == {written(value)}" if {"list", "map"} & set(value) else case["expr"]
    expression = compile_expression(text, names)
    return expression.type, expression.of(case.get("values", {}))


def agrees(case: Case, got: object) -> bool:
    """Whether an outcome, or the refusal that there was instead of one, is what the suite says."""
    if case.get("error"):
        return not isinstance(got, tuple) or isinstance(got[1], Fault)
    if not isinstance(got, tuple) or isinstance(got[1], Fault):
        return False
    ((kind, wanted),) = case["value"].items()
    if kind in ("list", "map"):
        return got[1] is True
    if kind == "double":
        wanted = float(wanted)
        same = wanted == got[1] or (math.isnan(wanted) and math.isnan(got[1]))
        return got[0] is Type.DOUBLE and same and math.copysign(1, wanted) == math.copysign(1, got[1])
    return got == (Type(kind), wanted)


def written(value: dict[str, Any]) -> str:
    """A value of the table as the language writes it."""
    ((kind, plain),) = value.items()
    if kind == "list":
        return f"[{', '.join(written(item) for item in plain)}]"
    if kind == "map":
        return "{" + ", ".join(f"{written(key)}: {written(item)}" for key, item in plain) + "}"
    if kind == "string":
        return '"' + "".join(f"\\U{ord(character):08x}" for character in plain) + '"'
    return str(plain).lower() if kind == "bool" else repr(plain)
