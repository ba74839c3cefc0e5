"""Defines how API tokens are stored: never the token itself, only its SHA-256.

A token is 256 random bits, which nobody can guess and check against a hash. A fast hash without salt is therefore enough, and it allows
finding a token by its hash. Slow, salted hashes are for passwords that people think up.
"""

import hashlib
import secrets
from typing import Protocol

import msgspec

from foundation.refusal import Refusal

TOKEN_BYTES = 32
TOKEN_MARK = "weir_"  # noqa: S105 - what a token begins with, so that one that leaked is recognised


class StoredToken(msgspec.Struct, frozen=True):
    """Holds what is stored of a token.

    Args:
        name: the holder's name, which is never given again, because the audit log refers to it.
        hash: SHA-256 of the token, in hexadecimal.
        roles: what its holder may do.
        by: who made the token.
        made_at_ms: when it was made, ms since the epoch.
        expires_at_ms: when it expires (inclusive), ms since the epoch; None means never.
        revoked_at_ms: when it was revoked, ms since the epoch; None if it was not.
    """

    name: str
    hash: str
    roles: tuple[str, ...]
    by: str
    made_at_ms: int
    expires_at_ms: int | None = None
    revoked_at_ms: int | None = None


class Tokens(Protocol):
    """Stores tokens. Any number of processes read and write; each call waits for the store. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer.
    """

    def add(self, token: StoredToken) -> bool:
        """Stores a new token. Returns False and changes nothing if its name or its hash is taken."""

    def replace(self, token: StoredToken) -> None:
        """Stores `token` in place of any token of its name, which is no longer valid.

        Raises:
            Refusal: another name has a token with the same hash.
        """

    def by_hash(self, hash: str) -> StoredToken | None:
        """Returns the token with this hash, whether it is valid or not; None if there is none."""

    def by_name(self, name: str) -> StoredToken | None:
        """Returns the token with this name, whether it is valid or not; None if there is none."""

    def all(self) -> list[StoredToken]:
        """Returns all tokens by name, including those no longer valid."""

    def revoke(self, name: str, at_ms: int) -> StoredToken | None:
        """Revokes a token and returns it as it is now; a second call changes nothing. Returns None if the name is unknown."""


def new_token() -> str:
    """Makes a random token of 256 bits."""
    return TOKEN_MARK + secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> str:
    """Returns SHA-256 of `token`, in hexadecimal: the only thing that is stored of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def taken(name: str, other: str) -> Refusal:
    """Makes the refusal of a token that another name has already."""
    return Refusal("token of another name", where=f"token {name}", expected="a token of its own", got=f"the token of {other}")
