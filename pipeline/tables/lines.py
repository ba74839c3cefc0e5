"""The lines of a JSON Lines file are read here, without byte-order mark, line ends and blank lines."""

import pathlib
import re
from collections.abc import Iterator

from features.schema.decode import BYTES_MAX
from foundation.refusal import Refusal
from pipeline.tables.table_file import check_text

_MARK = b"\xef\xbb\xbf"
_START_BYTES = 4_096
_LINE_BYTES = BYTES_MAX + 2
"""A longer line is cut here, which is too long for an event, so that memory stays bounded."""
_ARRAY = re.compile(rb"\s*\[\s*[{\]]")


def read_lines(path: pathlib.Path) -> Iterator[tuple[int, bytes]]:
    """Gives the number, from 1, and the bytes of each line that is not blank. A byte-order mark at the start is skipped.

    Raises:
        Refusal: the file cannot be read, is no text in UTF-8, or is one JSON array.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
            check_text(start, path)
            if _ARRAY.match(start.removeprefix(_MARK)):
                expected, remedy = "one JSON object a line", "write each object of the array on a line of its own: jq -c '.[]'"
                raise Refusal("a JSON array", where=str(path), expected=expected, got="[", remedy=remedy)
            file.seek(len(_MARK) if start.startswith(_MARK) else 0)
            number = 0
            while line := file.readline(_LINE_BYTES):
                number += 1
                rest = line
                while not rest.endswith(b"\n") and len(rest) == _LINE_BYTES:
                    rest = file.readline(_LINE_BYTES)
                if line.strip() or len(line) == _LINE_BYTES:
                    yield number, line.rstrip(b"\r\n")
    except OSError as error:
        raise Refusal("file not readable", where=str(path), expected="JSON Lines", got=str(error)) from error
