"""Defines the registry: definitions by the hash of their text, and the releases made of them."""

from collections.abc import Mapping
from typing import Protocol

import msgspec


class StoredRelease(msgspec.Struct, frozen=True):
    """Holds a release as it is stored.

    Args:
        id: number of the release, growing from 1.
        parts: for each part (schema, features, models, policy) the hash of its definition.
        by: who made the release.
        at_ms: when it was made, ms since the epoch.
    """

    id: int
    parts: dict[str, str]
    by: str
    at_ms: int


class StoredDefinition(msgspec.Struct, frozen=True):
    """Lists a definition: its hash, the part that it was put as, and by whom and when (ms since the epoch) it was first put."""

    hash: str
    part: str
    by: str
    at_ms: int


class Registry(Protocol):
    """Stores definitions and releases. What is stored never changes. Safe for the threads of one process.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def put(self, part: str, text: str, by: str, at_ms: int) -> str:
        """Stores a definition and returns its hash; storing the same text again changes nothing."""

    def put_many(self, texts: Mapping[str, str], by: str, at_ms: int) -> dict[str, str]:
        """Stores the texts of several parts, by part, as one change, and returns their hashes by part."""

    def text(self, hash: str) -> str | None:
        """Returns the text with this hash; None if it is unknown."""

    def definitions(self, part: str, limit: int) -> list[StoredDefinition]:
        """Returns the newest `limit` definitions of `part`, the newest first; a text put as several parts is listed with each."""

    def release(self, parts: Mapping[str, str], by: str, at_ms: int) -> int:
        """Stores a release of the definitions `parts` (hash by part) and returns its id, one above the newest.

        The release is pending until `published` is called.

        Raises:
            Refusal: a hash is unknown.
        """

    def adopt(self, release: StoredRelease) -> None:
        """Stores a release that another process made and published, under its own id; a pending one of that id gets the next.

        Raises:
            Refusal: a hash is unknown.
        """

    def newest(self) -> StoredRelease | None:
        """Returns the release with the highest id; None if there is none."""

    def get(self, id: int) -> StoredRelease | None:
        """Returns the release with this id; None if there is none."""

    def releases(self, limit: int, before: int | None = None) -> list[StoredRelease]:
        """Returns the newest `limit` releases, the newest first, with ids below `before` if it is given."""

    def pending_publication(self) -> list[StoredRelease]:
        """Returns releases that may not be on the control topic yet, oldest first; publishing one twice is harmless."""

    def published(self, id: int) -> None:
        """Notes that the release and its definitions are on the control topic."""
