"""A file's bytes as UTF-8, with a mark in place of each byte that is none, so that one bad cell does not end the reading of a file."""

import codecs
import io
from typing import BinaryIO

NOT_UTF8 = "\ufdd0"
"""What stands for a byte that is no UTF-8; Unicode has no character there."""
_NAME = "weir.not-utf8"


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return NOT_UTF8 * (error.end - error.start), error.end


codecs.register_error(_NAME, _mark)


class MarkedText(io.RawIOBase):
    """Reads `file` with the marks."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")(_NAME).decode
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all that are left when it is negative; none at the end."""
        parts = [self._rest]
        length = len(self._rest)
        while not self._ended and (size < 0 or length < size):
            read = self._file.read(size)
            self._ended = not read
            parts.append(self._decode(read, self._ended).encode())
            length += len(parts[-1])
        whole = b"".join(parts)
        taken = whole if size < 0 else whole[:size]
        self._rest = whole[len(taken) :]
        return taken
