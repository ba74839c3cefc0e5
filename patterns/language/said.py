"""Reads the names that a rule gives, and what it says to people."""

import re

from foundation.document import Section

TEXT_CHARACTERS_MAX = 2_000
"""The maximum length of a text that people read."""
LINE_CHARACTERS_MAX = 200
"""The maximum length of a title, an owner and other texts of one line."""
RESERVED = frozenset(("adaptive", "duration", "entity", "event", "feature", "list", "math", "model", "parameter", "timestamp"))
"""What no step may be called, because conditions read other things by it."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_EXPECTED = "a small letter, then up to 62 small letters, digits and underscores"


def read_name(section: Section, what: str) -> str:
    """Reads the name of `what`, such as a step.

    Raises:
        Refusal: it is not a small letter followed by small letters, digits and underscores, or is reserved.
    """
    name = section.text()
    if not _NAME.fullmatch(name):
        section.refuse(f"not the name of {what}", _EXPECTED, name or "an empty text")
    return name


def read_line(section: Section) -> str:
    """Reads a text of one line.

    Raises:
        Refusal: it is empty, has several lines or is longer than `LINE_CHARACTERS_MAX`.
    """
    text = read_said(section, LINE_CHARACTERS_MAX)
    if "\n" in text.strip():
        section.refuse("more than one line", "a text of one line", f"{text.strip().count(chr(10)) + 1} lines")
    return text.strip()


def read_said(section: Section, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    """Reads a text.

    Raises:
        Refusal: it is empty or longer than `characters_max`.
    """
    text = section.text()
    if not text.strip() or len(text) > characters_max:
        got = f"{len(text)} characters" if text.strip() else "an empty text"
        section.refuse("not a text to read", f"1 to {characters_max} characters", got)
    return text
