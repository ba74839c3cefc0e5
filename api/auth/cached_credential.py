"""What a bearer token was found to be: whose it is and for how long, or why it does not count."""

from typing import Protocol

import msgspec

from api.auth.permissions import Caller

TOKEN_BYTES_MAX = 8_192


class Proof(msgspec.Struct, frozen=True):
    """A token that counts.

    Args:
        caller: whose it is.
        source: what it was proved by: the hash of the token as stored, or the id of the key that signed it.
        expires_at: seconds since the epoch; None: never.
        may_be_revoked: it has to be looked up again every few seconds.
    """

    caller: Caller
    source: str
    expires_at: float | None
    may_be_revoked: bool


class Rejected(Exception):  # noqa: N818 - said of the token
    """The token does not count; `reason` is one word for the figures and the log, never the token or its holder."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProverUnavailableError(Exception):
    """Whether the token counts cannot be found out now."""


class Prover(Protocol):
    """One way to prove tokens."""

    async def prove(self, token: str) -> Proof:
        """Never holds up the event loop.

        Raises:
            Rejected: the token does not count.
            ProverUnavailableError: that cannot be found out now.
        """

    def takes(self, token: str) -> bool:
        """Whether `token` looks like one of this way."""

    async def close(self) -> None:
        """Lets connections go."""


def bearer(authorization: bytes | None) -> str:
    """The token of a header ``Authorization``.

    Raises:
        Rejected: missing, or malformed: another scheme, empty, longer than 8 KiB, or not printable ASCII.
    """
    if authorization is None:
        raise Rejected("missing")
    scheme, _, token = authorization.partition(b" ")
    token = token.strip(b" ")
    if scheme.lower() != b"bearer" or not token or len(token) > TOKEN_BYTES_MAX or min(token) <= 0x20 or max(token) >= 0x7F:
        raise Rejected("malformed")
    return token.decode()
