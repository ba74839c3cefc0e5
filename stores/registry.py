"""Definitions by the hash of their text, and the releases made of them."""

import hashlib
from collections.abc import Mapping
from typing import Protocol

import msgspec


class StoredRelease(msgspec.Struct, frozen=True):
    """A release as kept.

    Args:
        id: growing from 1.
        parts: hash of the definition by part (schema, features, models, policy).
        by: who made it.
        at_ms: when, ms since the epoch.
    """

    id: int
    parts: dict[str, str]
    by: str
    at_ms: int


class StoredDefinition(msgspec.Struct, frozen=True):
    """A definition as listed: its hash, the part that it was put as, by whom and when (ms since the epoch) first."""

    hash: str
    part: str
    by: str
    at_ms: int


class Registry(Protocol):
    """Definitions and releases. What is stored never changes. Safe for the threads of one process.

    Raises:
        StoreUnavailableError: any call: the store does not answer; what it was asked may have been done.
    """

    def put(self, part: str, text: str, by: str, at_ms: int) -> str:
        """Keeps a definition and gives its hash; the same text again changes nothing."""

    def text(self, hash: str) -> str | None:
        """The definition of a hash."""

    def definitions(self, part: str, limit: int) -> list[StoredDefinition]:
        """The newest `limit` definitions that were put as `part`, newest first; a text put as several parts is listed with each."""

    def release(self, parts: Mapping[str, str], by: str, at_ms: int) -> int:
        """Keeps a release of the definitions `parts` (hash by part) and gives its id, one above the newest.

        It is pending until `published`.

        Raises:
            Refusal: a hash is unknown.
        """

    def adopt(self, release: StoredRelease) -> None:
        """Keeps a release that another made and published, under its own id; a pending one of that id moves to the next.

        Raises:
            Refusal: a hash is unknown.
        """

    def newest(self) -> StoredRelease | None:
        """The release of the highest id."""

    def get(self, id: int) -> StoredRelease | None:
        """The release of an id."""

    def releases(self, limit: int, before: int | None = None) -> list[StoredRelease]:
        """The newest `limit` releases, newest first; those with ids below `before` where it is given."""

    def pending_publication(self) -> list[StoredRelease]:
        """Releases stored but not known to be on the control topic, oldest first; publish them again, twice is harmless."""

    def published(self, id: int) -> None:
        """The release and its definitions are on the control topic."""

    def close(self) -> None:
        """Lets the store go; it is not used afterwards."""


def content_hash(text: str) -> str:
    """The address of a definition: SHA-256 of its UTF-8 text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
