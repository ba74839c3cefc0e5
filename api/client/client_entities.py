"""Notes on entities from Python."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from api.entities.note_routes import NotePage
from stores.casework.notes import Note


class ClientNotes:
    """The calls about notes of one client. Each may raise a `Refusal`, as `api.client.client.Client` says.

    Args:
        read: makes a call and gives its answer in the given shape.
    """

    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read

    def of(self, entity: str, id: str, cursor: str | None = None, limit: int = 50) -> NotePage:
        """Returns notes on an entity, the newest first."""
        found: NotePage = self._read("GET", _notes_of(entity, id), NotePage, params={"limit": limit, "cursor": cursor})
        return found

    def write(self, entity: str, id: str, text: str) -> Note:
        """Writes a note on an entity."""
        found: Note = self._read("POST", _notes_of(entity, id), Note, json={"text": text})
        return found

    def remove(self, entity: str, id: str, note: str) -> Note:
        """Removes a note, which only its author and admins may."""
        found: Note = self._read("DELETE", f"{_notes_of(entity, id)}/{quote(note, safe='')}", Note)
        return found


def _notes_of(entity: str, id: str) -> str:
    return f"/v1/entities/{quote(entity, safe='')}/{quote(id, safe='')}/notes"
