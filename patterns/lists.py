"""Lists of values that patterns ask for: allowed cards, blocked devices, watched addresses. One entry a line."""

import itertools
import re
from collections.abc import Iterator, Sequence, Set
from functools import lru_cache
from typing import NoReturn

from features.refusal import Refusal

LIST_PREFIX = "list:"
"""Before the name of a list where it stands among the parts of a release."""

LIST_BYTES_MAX = 15_728_640
"""Of a list's text in UTF-8: it travels as one record, and those have at most 16 MiB."""

ENTRIES_MAX = 1_000_000
ENTRY_CHARACTERS_MAX = 512
PART_CHARACTERS = 16_384
SHARDS = 256
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


class EntryList(Set[str]):
    """The entries of a list, which are worked out when somebody asks for them: a stage that asks for none holds the text alone.

    A list may have a million entries: they are gone through in parts, so that other threads get their turn every millisecond.

    Args:
        text: lines; white space around them, empty ones and those that begin with # say nothing.
        source: file name, for refusals.

    Raises:
        Refusal: whatever is asked first: the text has too many bytes or entries, or an entry is too long or holds a control
            character; with the line.
    """

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._count = -1
        self._shards: tuple[frozenset[str], ...] = ()

    def check(self) -> None:
        """Refuses what is no list; keeps no more than the number of entries. Some 0.5 µs an entry."""
        if self._count < 0:
            self._count = sum(map(len, _sharded(self._text, self._source)))

    def __len__(self) -> int:
        self.check()
        return self._count

    def __contains__(self, entry: object) -> bool:
        return entry in self._entries()[hash(entry) % SHARDS]

    def __iter__(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self._entries())

    def _entries(self) -> tuple[frozenset[str], ...]:
        if not self._shards:
            self._shards = tuple(map(frozenset, _sharded(self._text, self._source)))
        return self._shards


@lru_cache(maxsize=16)
def read_list(text: str, source: str) -> EntryList:
    """The list of `text`; releases that hold the same one share it."""
    return EntryList(text, source)


def entries_of(text: str) -> list[str]:
    """The entries of `text` in their order, repeated ones too."""
    stripped = (line.strip() for line in text.split("\n"))
    return [line for line in stripped if line and not line.startswith("#")]


def edited(text: str, add: Sequence[str], remove: Sequence[str]) -> str:
    """`text` without the lines of the entries `remove` and with those of `add` that it lacks, at its end; comments stay.

    Raises:
        Refusal: something to add or remove is no entry of a list.
    """
    for entry in (*add, *remove):
        if not entry or entry != entry.strip() or entry.startswith("#") or not entry.isprintable():
            expected = "an entry without white space around it, control characters or # in front"
            raise Refusal("bad entry", where="list edit", expected=expected, got=entry or "an empty text")
    gone, wanted, there, parts = set(remove), set(add), set[str](), list[str]()
    for part in _parts(text):
        lines = [line for line in part.split("\n") if line.strip() not in gone]
        there |= wanted.intersection(line.strip() for line in lines)
        parts += ["\n".join(lines)] if lines else []
    parts += [entry for entry in dict.fromkeys(add) if entry not in there]
    return "\n".join(parts) + "\n" if parts else ""


def _parts(text: str) -> Iterator[str]:
    """`text` in pieces of whole lines, without the line break between two and the last one."""
    at, end = 0, len(text) - text.endswith("\n")
    while at < end or (at == end and 0 < at < len(text)):
        cut = text.find("\n", at + PART_CHARACTERS, end)
        cut = end if cut < 0 else cut
        yield text[at:cut]
        at = cut + 1


def _sharded(text: str, source: str) -> list[set[str]]:
    if len(text) > LIST_BYTES_MAX or len(text.encode("utf-8", "replace")) > LIST_BYTES_MAX:
        raise Refusal("list too large", where=source, expected=f"at most {LIST_BYTES_MAX} bytes", got=f"{len(text)} characters")
    shards: list[set[str]] = [set() for _ in range(SHARDS)]
    first = 1
    for part in _parts(text):
        for entry in entries_of(part):
            if len(entry) > ENTRY_CHARACTERS_MAX or not entry.isprintable():
                _refuse_line(part, source, first)
            shards[hash(entry) % SHARDS].add(entry)
        first += part.count("\n") + 1
    if sum(map(len, shards)) > ENTRIES_MAX:
        raise Refusal("too many entries", where=source, expected=f"at most {ENTRIES_MAX}", got=sum(map(len, shards)))
    return shards


def _refuse_line(text: str, source: str, first: int) -> NoReturn:
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), first))
    bad = ((number, entry) for number, entry in lines if len(entry) > ENTRY_CHARACTERS_MAX or not entry.isprintable())
    number, entry = next((number, entry) for number, entry in bad if not entry.startswith("#"))
    expected = f"an entry of at most {ENTRY_CHARACTERS_MAX} characters without control characters"
    raise Refusal("bad entry", where=f"{source}:{number}", expected=expected, got=entry)
