"""Reads the text of a list, as a configuration folder or an upload has it: one entry a line."""

from collections.abc import Iterator, Mapping

from foundation.refusal import Refusal
from patterns.entries import check_value
from patterns.lists import LIST_PREFIX, list_names

TEXT_BYTES_MAX = 15_728_640
"""The maximum size of a list's text in UTF-8."""

ENTRIES_MAX = 1_000_000
"""The maximum number of entries of one list."""

PART_CHARACTERS = 16_384
"""Long texts are read in parts of this size, so that other threads can run every millisecond."""

Values = dict[str, None]
"""Distinct values in the order in which they stand in the text."""


def read_values(text: str, source: str) -> Values:
    """Returns the entries of `text`, which are its lines without surrounding white space. Skips empty lines and lines that begin with #.

    It costs about 0.7 µs an entry.

    Args:
        source: the file's name, for error texts.

    Raises:
        Refusal: the text has too many bytes or entries, or an entry is too long or holds a control character; names the line.
    """
    if len(text) > TEXT_BYTES_MAX or len(text.encode("utf-8", "replace")) > TEXT_BYTES_MAX:
        raise Refusal("list too large", where=source, expected=f"at most {TEXT_BYTES_MAX} bytes", got=f"{len(text)} characters")
    found: Values = {}
    first = 1
    for part in _parts(text):
        lines = part.split("\n")
        for number, line in enumerate(lines, first):
            value = line.strip()
            if value and not value.startswith("#"):
                if not value.isascii() or not value.isprintable() or len(value) > 512:
                    check_value(value, f"{source}:{number}")
                found[value] = None
        first += len(lines)
    if len(found) > ENTRIES_MAX:
        raise Refusal("too many entries", where=source, expected=f"at most {ENTRIES_MAX}", got=len(found))
    return found


def values_of_lists(texts: Mapping[str, str]) -> dict[str, Values]:
    """Returns the entries of each list among `texts` (a text for each part of a release), by the list's name.

    Raises:
        Refusal: `read_values` refuses one of the texts.
    """
    return {name: read_values(texts[LIST_PREFIX + name], f"lists/{name}.txt") for name in list_names(texts)}


def _parts(text: str) -> Iterator[str]:
    """Yields `text` in pieces of whole lines, without the line break between two pieces and the last one of the text."""
    at, end = 0, len(text) - text.endswith("\n")
    while at < end or (at == end and 0 < at < len(text)):
        cut = text.find("\n", at + PART_CHARACTERS, end)
        cut = end if cut < 0 else cut
        yield text[at:cut]
        at = cut + 1
