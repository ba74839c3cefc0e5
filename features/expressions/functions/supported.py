"""Writes the table of all operators and functions."""

from collections.abc import Iterable

from features.expressions.functions.functions import STANDARD
from features.expressions.functions.overloads import Overload
from features.expressions.functions.types import Type


def supported_table() -> str:
    """Returns a table in Markdown: each operator or function with its forms and their result types."""
    rows = ["| name | forms |", "|---|---|"]
    for name in dict.fromkeys(overload.name for overload in STANDARD.all()):
        rows.append(f"| `{name.removesuffix('_').replace('|', chr(92) + '|')}` | {', '.join(_forms(STANDARD.named(name)))} |")
    return "\n".join(rows) + "\n"


def _forms(overloads: Iterable[Overload]) -> list[str]:
    return [f"`{_written(overload)} → {overload.result.value}`" for overload in overloads]


def _written(overload: Overload) -> str:
    if overload.style != "either":
        return overload.signature
    types = [type.value for type in overload.arguments if type in Type]
    return f"{types[0]}.{overload.name}({', '.join(types[1:])})"
