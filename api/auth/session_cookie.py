"""Cookies of a session: how a browser gets them, and how a request is told from one that another site has forged.

A browser sends the cookie of a session with whatever a page of any site makes it ask. So a request that changes something counts only if
it comes from a page of this origin (``Sec-Fetch-Site``, ``Origin``), and repeats in a header what such a page alone can read: a second
cookie, which is derived from the secret of the session and opens nothing.
"""

import hashlib
import hmac
from collections.abc import Iterable

from starlette.types import Scope

from api.http.problem import Problem

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
CSRF_HEADER = b"x-weir-csrf"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class SessionCookie:
    """The cookies of one origin.

    They are ``Secure``, and bound to the host. An origin of this machine may be plain HTTP, so that there they are not; and since
    browsers do not tell ports apart, they are then named by the port.

    Args:
        scope: of a request to the origin.
    """

    def __init__(self, scope: Scope) -> None:
        self._headers = scope["headers"]
        self._host = _header(self._headers, b"host").lower()
        name, _, port = self._host.rpartition(":") if not self._host.endswith("]") else (self._host, "", "")
        self._is_local = (name or self._host) in _LOOPBACK and scope.get("scheme", "http") == "http"
        self.name = f"weir_session_{port}" if self._is_local else "__Host-weir_session"
        self.begun_name = f"weir_begun_{port}" if self._is_local else "__Host-weir_begun"
        self.csrf_name = f"weir_csrf_{port}" if self._is_local else "__Host-weir_csrf"

    def secret(self) -> str:
        """The secret that the request brings along; '' if there is none."""
        return self.value(self.name)

    def value(self, name: str) -> str:
        """The value of a cookie; '' if there is none."""
        for header, given in self._headers:
            if header == b"cookie":
                for part in given.decode("latin-1").split(";"):
                    key, _, value = part.strip().partition("=")
                    if key == name:
                        return str(value)
        return ""

    def given(self, secret: str) -> list[tuple[bytes, bytes]]:
        """The headers that give both cookies to a browser; they go when it is closed. '' takes them away."""
        ended = "" if secret else "; Max-Age=0"
        return [
            self._set(self.name, secret, f"; HttpOnly; SameSite=Lax{ended}"),
            self._set(self.csrf_name, csrf_of(secret) if secret else "", f"; SameSite=Strict{ended}"),
        ]

    def short(self, name: str, value: str, seconds: int) -> tuple[bytes, bytes]:
        """The header that gives a cookie for so many seconds, which no page can read."""
        return self._set(name, value, f"; HttpOnly; SameSite=Lax; Max-Age={seconds}")

    def require_own_origin(self) -> None:
        """Checks that a page of this origin, and no other, made the browser ask.

        Raises:
            Problem: 403, another site did.
        """
        site, origin = _header(self._headers, b"sec-fetch-site"), _header(self._headers, b"origin").lower()
        if site not in ("", "same-origin", "none") or (origin and origin.partition("://")[2] != self._host):
            raise Problem(403, "the request comes from a page of another site")

    def require_unforged(self, method: str) -> None:
        """Checks that a request with the cookie was meant by a page of the console.

        Raises:
            Problem: 403, it may have been forged.
        """
        if method in SAFE_METHODS:
            return
        self.require_own_origin()
        if not hmac.compare_digest(_header(self._headers, CSRF_HEADER), csrf_of(self.secret())):
            header = CSRF_HEADER.decode()
            raise Problem(403, f"a change by a session needs the header {header} with the value of the cookie {self.csrf_name}")

    def _set(self, name: str, value: str, more: str) -> tuple[bytes, bytes]:
        secure = "" if self._is_local else "; Secure"
        return b"set-cookie", f"{name}={value}; Path=/{secure}{more}".encode("latin-1")


def session_authorization(scope: Scope) -> bytes | None:
    """The credential of the session whose cookie a request brings along, as a header ``Authorization`` has it; None if it has none.

    Raises:
        Problem: 403, the request may have been forged.
    """
    if not any(name == b"cookie" for name, _ in scope["headers"]):
        return None
    cookie = SessionCookie(scope)
    secret = cookie.secret()
    if not secret:
        return None
    cookie.require_unforged(scope["method"])
    return b"Bearer " + secret.encode("latin-1")


def csrf_of(secret: str) -> str:
    """What a page repeats with each change of the session with this secret; it tells nothing of the secret."""
    return hmac.new(secret.encode("latin-1"), b"csrf", hashlib.sha256).hexdigest()[:32]


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")
