"""Defines how notes are stored: what people write of an entity for those who look at it later."""

from typing import Protocol

import msgspec

NOTES_MAX = 1_000
"""The greatest number of notes of one entity."""


class TooManyNotesError(Exception):
    """There are `NOTES_MAX` notes of the entity already."""


class Note(msgspec.Struct, frozen=True):
    """Is a note.

    Args:
        id: 32 hexadecimal digits; those of later ms are greater.
        kind, entity: the type of entity and its id.
        text: what was written.
        by, at_ms: who wrote it, and when, ms since the epoch.
    """

    id: str
    kind: str
    entity: str
    text: str
    by: str
    at_ms: int


class Notes(Protocol):
    """Stores notes. Any number of processes read and write; each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def add(self, note: Note) -> None:
        """Adds a note.

        Raises:
            TooManyNotesError: there is no room for it.
        """

    def page(self, kind: str, entity: str, before: str | None, limit: int) -> list[Note]:
        """Returns the newest `limit` notes of an entity, newest first; only those with smaller ids than `before`, None for all."""

    def get(self, kind: str, entity: str, id: str) -> Note | None:
        """Returns the note of an entity; None if it has none of this id."""

    def forget(self, before_ms: int, limit: int) -> int:
        """Removes at most `limit` notes that were written before `before_ms` (exclusive); returns how many."""

    def remove(self, kind: str, entity: str, id: str) -> bool:
        """Removes a note of an entity; returns False if it has none of this id."""
