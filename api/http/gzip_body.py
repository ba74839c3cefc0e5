"""Bodies that come compressed by gzip, inflated within bounds."""

import zlib

from api.http.problem import Problem

GZIPPED = "weir.gzipped"
"""Key of the scope of a request whose body is gzip."""
ROUTES_WITH_GZIP = frozenset(("/v1/events", "/v1/decisions", "/v1/labels"))
RATIO_MAX = 100
"""What inflates further is no event: texts of JSON shrink to a fifth or a tenth."""
SMALL_BYTES = 16_384
"""Up to it any ratio is let pass, for a short body of one character repeated harms nobody."""
_WINDOW_OF_GZIP = 31


def check_encoding(encoding: bytes, path: str) -> bool:
    """Whether a body with the header ``content-encoding: ENCODING`` is gzip; False for ``identity``.

    Raises:
        Problem: 415, it is another encoding, or the route takes none.
    """
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return False
    if name not in (b"gzip", b"x-gzip") or path not in ROUTES_WITH_GZIP:
        accepted = "gzip or identity" if path in ROUTES_WITH_GZIP else "identity"
        raise Problem(415, f"a body of this route is encoded as {accepted}, not {encoding[:40].decode('latin-1')}")
    return True


def inflate(body: bytes, bytes_max: int) -> bytes:
    """The bytes that `body` was made of. Never holds more than `bytes_max` and one byte of them.

    Raises:
        Problem: 400, it is no gzip or is cut off; 413, it inflates to more than `bytes_max` bytes, or to more than `RATIO_MAX` times
            its size.
    """
    reader = zlib.decompressobj(_WINDOW_OF_GZIP)
    most = min(bytes_max, max(SMALL_BYTES, RATIO_MAX * len(body)))
    try:
        found = reader.decompress(body, most + 1)
    except zlib.error as error:
        raise Problem(400, f"the body is not gzip: {error}") from error
    if len(found) > most:
        raise Problem(413, f"a body inflates to at most {bytes_max} bytes, and to at most {RATIO_MAX} times its size")
    if not reader.eof or reader.unused_data:
        raise Problem(400, "the body is not one whole gzip stream")
    return found
