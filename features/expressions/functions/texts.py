"""Functions of texts, each on single values; `lookup` calls them once for each distinct text."""

from dataclasses import dataclass, field
from typing import Any

import re2

from features.expressions.functions.column import Fault
from features.expressions.syntax.bounds import PATTERN_LENGTH_MAX, PATTERN_MEMORY_MAX_BYTES, STRING_LENGTH_MAX

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


def concatenated(a: str, b: str) -> str | Fault:
    """Returns both texts, one after the other."""
    return a + b if len(a) + len(b) <= STRING_LENGTH_MAX else Fault.TOO_LONG


def contains(text: str, part: str) -> bool:
    """Tells whether `part` occurs in `text`."""
    return part in text


def lower_ascii(text: str) -> str:
    """Returns `text` with A to Z in lower case."""
    return text.translate(_LOWER)


def upper_ascii(text: str) -> str:
    """Returns `text` with a to z in upper case."""
    return text.translate(_UPPER)


def character_at(text: str, at: int) -> str | Fault:
    """Returns the character at an index from 0; empty at the very end."""
    return text[at : at + 1] if 0 <= at <= len(text) else Fault.OUT_OF_RANGE


def substring(text: str, start: int, end: int) -> str | Fault:
    """Returns the characters from `start` (inclusive) to `end` (exclusive)."""
    return text[start:end] if 0 <= start <= end <= len(text) else Fault.OUT_OF_RANGE


def tail(text: str, start: int) -> str | Fault:
    """Returns the characters from `start` on."""
    return text[start:] if 0 <= start <= len(text) else Fault.OUT_OF_RANGE


def replaced(text: str, old: str, new: str) -> str | Fault:
    """Returns `text` with every `old` replaced."""
    grown = len(text) + text.count(old) * (len(new) - len(old))
    return text.replace(old, new) if grown <= STRING_LENGTH_MAX else Fault.TOO_LONG


class BadPattern(ValueError):  # noqa: N818 - what the user reads is a refusal
    """RE2 does not accept the regular expression, or it is too large."""


@dataclass(frozen=True)
class Pattern:
    """Holds a regular expression of RE2, whose time is proportional to text and pattern, because it never backtracks.

    Raises:
        BadPattern: the pattern cannot be used; says why.
    """

    text: str
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.text) > PATTERN_LENGTH_MAX:
            raise BadPattern(f"more than {PATTERN_LENGTH_MAX} characters")
        options = re2.Options()
        options.max_mem = PATTERN_MEMORY_MAX_BYTES
        options.log_errors = False
        try:
            object.__setattr__(self, "_compiled", re2.compile(self.text, options))
        except re2.error as error:
            message = error.args[0]
            raise BadPattern(message.decode(errors="replace") if isinstance(message, bytes) else str(message)) from error

    def found_in(self, text: str) -> bool | Fault:
        """Tells whether the pattern matches a part of `text`."""
        return Fault.TOO_LONG if len(text) > STRING_LENGTH_MAX else self._compiled.search(text) is not None
