"""Reads the value of a YAML scalar if every version of YAML agrees on it."""

import math
import re
from typing import Any, Final

import yaml

from foundation.refusal import Refusal

Scalar = str | int | float | bool | None

DIGITS_MAX: Final = 30
"""The maximum length of a number, so that it can be shown, and converted in constant time."""

_WORDS: Final[dict[str, Scalar]] = dict.fromkeys(("", "~", "null", "Null", "NULL")) | {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"[-+]?0o[0-7]+")
_READ_AS: Final = {"bool": "a truth value", "int": "a number", "float": "a number", "merge": "a merge key"}
_WRITTEN: Final = {
    "bool": "true or false",
    "int": "a decimal number without leading zeros, colons or underscores",
    "float": "a finite decimal number without leading zeros, colons or underscores",
    "merge": "another name",
}
_RESOLVER: Any = yaml.SafeLoader("")
_FIRST_OF_OTHERS: Final = frozenset(yaml.SafeLoader.yaml_implicit_resolvers)
"""The first characters of all that some reader of YAML takes for anything but a text."""


def scalar_of(text: str, style: str | None, where: str) -> Scalar:
    """Returns the value of a scalar that is written as `text`. A date is a text, as in YAML 1.2.

    Args:
        style: a quote, ``|`` or ``>``, which make the scalar a text; ``None`` or '' without any.
        where: place of the scalar, for the refusal.

    Raises:
        Refusal: readers of YAML differ about the value, such as ``no``, ``010``, ``1:30`` or ``1_000``; or it is a number
            that is too long or not finite.
    """
    if style or (text and text[0] not in _FIRST_OF_OTHERS):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text):
        return _number(text, where)
    tag = "int" if _OCTAL.fullmatch(text) else _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)).rpartition(":")[2]
    if tag in _READ_AS:
        expected = f"{_WRITTEN[tag]}, or a text in quotes: some readers of YAML take this for {_READ_AS[tag]}, others do not"
        raise Refusal("ambiguous value", where=where, expected=expected, got=text, remedy=f'for the text, quote it: "{text}"')
    return text


def _number(text: str, where: str) -> int | float:
    expected = f"a finite number of at most {DIGITS_MAX} characters"
    if len(text) > DIGITS_MAX:
        raise Refusal("number too long", where=where, expected=expected, got=text)
    if _INTEGER.fullmatch(text):
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise Refusal("number too large", where=where, expected=expected, got=text)
    return value
