"""Gathers what is remembered of an entity."""

import asyncio

from api.decisions.profile import Remembered
from api.facts.told_facts import ToldFacts
from stores.notes import Notes

NOTES_SHOWN = 20


class EntityMemory:
    """Gathers from the parts that remember something. Only the event loop may use it; stores are asked in threads."""

    def __init__(self, told: ToldFacts, notes: Notes) -> None:
        self._told = told
        self._notes = notes

    async def recall(self, kind: str, entity: str) -> Remembered:
        """Returns what is remembered of an entity: all facts, and the newest `NOTES_SHOWN` notes.

        Raises:
            StoreUnavailableError: a store does not answer.
        """
        facts = self._told.of(kind, entity)
        return Remembered(facts, await asyncio.to_thread(self._notes.page, kind, entity, None, NOTES_SHOWN))
