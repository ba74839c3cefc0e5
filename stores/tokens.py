"""API tokens as kept: never the token, only its SHA-256.

A token is 256 random bits, so no list of likely ones can be tried against its hash: a fast hash without salt is enough, and lets a
token be found by its hash. Slow, salted hashes are for what people think up.
"""

import hashlib
import secrets
from typing import Protocol

import msgspec

from foundation.refusal import Refusal

TOKEN_BYTES = 32
TOKEN_MARK = "weir_"  # noqa: S105 - what a token begins with, so that one that leaked is recognised


class StoredToken(msgspec.Struct, frozen=True):
    """What is known of a token.

    Args:
        name: of its holder; given once and never again, since the audit log speaks of it.
        hash: SHA-256 of the token, in hexadecimal.
        roles: what its holder may do.
        by: who made it.
        made_at_ms: when, ms since the epoch.
        expires_at_ms: from then on it counts no more; None: never.
        revoked_at_ms: since then it counts no more; None: it was not revoked.
    """

    name: str
    hash: str
    roles: tuple[str, ...]
    by: str
    made_at_ms: int
    expires_at_ms: int | None = None
    revoked_at_ms: int | None = None


class Tokens(Protocol):
    """A store of tokens. Any number of processes read and write; each call waits for the store. Safe for threads.

    Raises:
        StoreUnavailableError: any call: the store does not answer.
    """

    def add(self, token: StoredToken) -> bool:
        """Keeps a new token; False, and nothing changed, when its name or its hash is taken."""

    def replace(self, token: StoredToken) -> None:
        """Keeps `token` in place of whatever had its name; the token before it counts no more.

        Raises:
            Refusal: its hash is that of a token of another name.
        """

    def by_hash(self, hash: str) -> StoredToken | None:
        """The token of a hash, whether it still counts or not."""

    def by_name(self, name: str) -> StoredToken | None:
        """The token of a name, whether it still counts or not."""

    def all(self) -> list[StoredToken]:
        """All tokens by name, also those that count no more."""

    def revoke(self, name: str, at_ms: int) -> StoredToken | None:
        """Ends a token and gives it back as it is now; a second time changes nothing. None when there is none of that name."""

    def close(self) -> None:
        """Lets the store go; it is not used afterwards."""


def new_token() -> str:
    """A random token of 256 bits."""
    return TOKEN_MARK + secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> str:
    """SHA-256 of `token`, in hexadecimal: what is kept of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def taken(name: str, other: str) -> Refusal:
    """The answer to a token that has another name already."""
    return Refusal("token of another name", where=f"token {name}", expected="a token of its own", got=f"the token of {other}")
