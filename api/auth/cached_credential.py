"""The result of verifying a bearer token: who it belongs to and for how long, or why it is rejected."""

from typing import Protocol

import msgspec

from api.auth.permissions import Caller

TOKEN_BYTES_MAX = 8_192


class Credential(msgspec.Struct, frozen=True):
    """A token that was verified.

    Args:
        caller: who the token belongs to.
        source: what verified it: the hash of the stored token, or ``key <id>`` of the key that signed it.
        expires_at: seconds since the epoch; None means never.
        may_be_revoked: whether it has to be looked up again every few seconds.
    """

    caller: Caller
    source: str
    expires_at: float | None
    may_be_revoked: bool


class Rejected(Exception):  # noqa: N818 - the token is rejected
    """The token is not valid; `reason` is one word for metrics and the log, and never holds the token or its owner."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class VerifierUnavailableError(Exception):
    """The token cannot be verified now, because a store or the identity provider does not answer."""


class TokenVerifier(Protocol):
    """One way to verify tokens."""

    async def verify(self, token: str) -> Credential:
        """Verifies `token` without blocking the event loop.

        Raises:
            Rejected: the token is not valid.
            VerifierUnavailableError: it cannot be verified now.
        """

    def takes(self, token: str) -> bool:
        """Whether `token` looks like one that this verifier is for."""

    async def close(self) -> None:
        """Closes connections and threads."""


def bearer(authorization: bytes | None) -> str:
    """The bearer token in the value of the header ``Authorization``.

    Raises:
        Rejected: ``missing``, there is no header; ``malformed``, the scheme is not Bearer, or the token is empty, longer than 8 KiB or
            not printable ASCII.
    """
    if authorization is None:
        raise Rejected("missing")
    scheme, _, token = authorization.partition(b" ")
    token = token.strip(b" ")
    if scheme.lower() != b"bearer" or not token or len(token) > TOKEN_BYTES_MAX or min(token) <= 0x20 or max(token) >= 0x7F:
        raise Rejected("malformed")
    return token.decode()
