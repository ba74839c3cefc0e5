"""The header ``Range`` (RFC 9110): which bytes of a file the caller wants. Several ranges at once are not served, as the RFC allows."""

import re

_ONE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


def range_of(header: str | None, size_bytes: int) -> range | None:
    """The positions that `header` asks for, cut at the end of the file; all of them if it asks for none, or cannot be read.

    Returns:
        None if it asks only for bytes behind the end, which is answered with 416.
    """
    whole = range(size_bytes)
    found = _ONE.fullmatch(header or "")
    if found is None or not (found[1] or found[2]):
        return whole
    if not found[1]:  # the last so many bytes
        length = int(found[2])
        return range(max(size_bytes - length, 0), size_bytes) if length and size_bytes else None
    first, last = int(found[1]), int(found[2]) if found[2] else size_bytes - 1
    if found[2] and last < first:
        return whole
    return range(first, min(last + 1, size_bytes)) if first < size_bytes else None
