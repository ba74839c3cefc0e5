"""Request bodies compressed with gzip are inflated within bounds on size and ratio."""

import zlib

from api.http.problem import Problem

GZIPPED = "weir.gzipped"
"""The ASGI scope of a request whose body is gzip has this key."""
ROUTES_WITH_GZIP = frozenset(("/v1/events", "/v1/decisions", "/v1/labels"))
RATIO_MAX = 100
"""A body that inflates to more than this many times its size is refused: JSON shrinks to a fifth or a tenth, and not further."""
SMALL_BYTES = 16_384
"""A body that inflates to at most this size may have any ratio, because a short body of one repeated character does no harm."""
_WINDOW_OF_GZIP = 31


def check_encoding(encoding: bytes, path: str) -> bool:
    """Whether a body with the header ``content-encoding: ENCODING`` is gzip; False for ``identity``.

    Raises:
        Problem: 415, the encoding is another one, or the route `path` takes no gzip.
    """
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return False
    if name not in (b"gzip", b"x-gzip") or path not in ROUTES_WITH_GZIP:
        accepted = "gzip or identity" if path in ROUTES_WITH_GZIP else "identity"
        got = encoding[:40].decode("latin-1")
        raise Problem(415, f"content-encoding: this route takes a body encoded as {accepted}, and the request says {got}")
    return True


def inflate(body: bytes, bytes_max: int) -> bytes:
    """Decompresses the gzip stream `body`; it holds at most `bytes_max` + 1 bytes of the result in memory.

    Raises:
        Problem: 400, `body` is not one whole gzip stream; 413, it inflates to more than `bytes_max` bytes, or to more than `SMALL_BYTES`
            and more than `RATIO_MAX` times its size.
    """
    reader = zlib.decompressobj(_WINDOW_OF_GZIP)
    most = min(bytes_max, max(SMALL_BYTES, RATIO_MAX * len(body)))
    try:
        found = reader.decompress(body, most + 1)
    except zlib.error as error:
        raise Problem(400, f"the body is not gzip: {error}") from error
    if len(found) > most:
        raise Problem(413, f"the body is too large: it may inflate to at most {bytes_max} bytes and to at most {RATIO_MAX} times its size")
    if not reader.eof or reader.unused_data:
        raise Problem(400, "the body is not one whole gzip stream: it is cut off, or bytes follow its end")
    return found
