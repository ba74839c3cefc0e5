"""Lists of values that patterns ask for: allowed cards, blocked devices, watched addresses. One entry a line."""

import re
from functools import lru_cache

from features.refusal import Refusal

LIST_PREFIX = "list:"
"""Before the name of a list where it stands among the parts of a release."""

LIST_BYTES_MAX = 15_728_640
"""Of a list's text in UTF-8: it travels as one record, and those have at most 16 MiB."""

ENTRIES_MAX = 1_000_000
ENTRY_CHARACTERS_MAX = 512
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def check_name(name: str) -> str:
    """`name`, when it may be that of a list.

    Raises:
        Refusal: it is not a small letter and up to 62 small letters, digits and underscores.
    """
    if not _NAME.fullmatch(name):
        expected = "a small letter, then up to 62 small letters, digits and underscores"
        raise Refusal("bad list name", where="list", expected=expected, got=name or "an empty text")
    return name


@lru_cache(maxsize=32)
def read_list(text: str, source: str) -> frozenset[str]:
    """The entries of `text`: lines without the white space around them; empty ones and those that begin with # say nothing.

    Releases that hold the same list share what is compiled of it: it takes some 0.4 µs an entry.

    Raises:
        Refusal: it has too many bytes or entries, or an entry is too long or holds a control character; with the line.
    """
    if len(text) > LIST_BYTES_MAX or len(text.encode("utf-8", "replace")) > LIST_BYTES_MAX:
        raise Refusal("list too large", where=source, expected=f"at most {LIST_BYTES_MAX} bytes", got=f"{len(text)} characters")
    entries = frozenset(entries_of(text))
    if len(entries) > ENTRIES_MAX:
        raise Refusal("too many entries", where=source, expected=f"at most {ENTRIES_MAX}", got=len(entries))
    if any(len(entry) > ENTRY_CHARACTERS_MAX or not entry.isprintable() for entry in entries):
        _refuse_line(text, source)
    return entries


def entries_of(text: str) -> list[str]:
    """The entries of `text` in their order, repeated ones too."""
    stripped = (line.strip() for line in text.split("\n"))
    return [line for line in stripped if line and not line.startswith("#")]


def edited(text: str, add: list[str], remove: list[str]) -> str:
    """`text` without the lines of the entries `remove` and with those of `add` that it lacks, at its end; comments stay.

    Raises:
        Refusal: something to add or remove is no entry of a list.
    """
    for entry in (*add, *remove):
        if not entry or entry != entry.strip() or entry.startswith("#") or not entry.isprintable():
            expected = "an entry without white space around it, control characters or # in front"
            raise Refusal("bad entry", where="list edit", expected=expected, got=entry or "an empty text")
    gone = set(remove)
    lines = [line for line in text.split("\n") if line.strip() not in gone] if gone else text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    there = set(entries_of("\n".join(lines)))
    lines += [entry for entry in dict.fromkeys(add) if entry not in there]
    return "\n".join(lines) + "\n" if lines else ""


def _refuse_line(text: str, source: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.strip()
        if entry and not entry.startswith("#") and (len(entry) > ENTRY_CHARACTERS_MAX or not entry.isprintable()):
            expected = f"an entry of at most {ENTRY_CHARACTERS_MAX} characters without control characters"
            raise Refusal("bad entry", where=f"{source}:{number}", expected=expected, got=entry)
