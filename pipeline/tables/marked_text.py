"""A file is read as UTF-8, and each byte that is not UTF-8 is replaced by a mark, so that one bad cell does not stop the reading."""

import codecs
import io
from typing import BinaryIO

NOT_UTF8 = "\ufdd0"
"""The mark that replaces a byte that is not UTF-8; Unicode has no character at this code point."""
_NAME = "weir.not-utf8"


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return NOT_UTF8 * (error.end - error.start), error.end


codecs.register_error(_NAME, _mark)


class MarkedText(io.RawIOBase):
    """Reads `file` with such bytes replaced by `NOT_UTF8`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")(_NAME).decode
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Reads at most `size` bytes, or all that are left if `size` is negative; gives ``b""`` at the end."""
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
