"""Gathers what is remembered of an entity."""

import asyncio

from fastapi import Request

from api.cases.case_door import CaseDoor
from api.decisions.profile import CaseOfEntity, Remembered
from api.facts.told_facts import ToldFacts
from stores.casework.case import state_at
from stores.casework.cases import CaseFilter
from stores.casework.notes import Notes
from stores.casework.verdicts import Verdict

NOTES_SHOWN = 20
CASES_SHOWN = 20


class EntityMemory:
    """Gathers from the parts that remember something. Only the event loop may use it; stores are asked in threads."""

    def __init__(self, told: ToldFacts, notes: Notes, door: CaseDoor) -> None:
        self._told = told
        self._notes = notes
        self._door = door

    async def recall(self, request: Request, kind: str, entity: str) -> Remembered:
        """Returns what is remembered of an entity: all facts, and some of the notes, verdicts and cases, as far as the caller may see them.

        Raises:
            StoreUnavailableError: a store does not answer.
        """
        facts = self._told.of(kind, entity)
        notes = await asyncio.to_thread(self._notes.page, kind, entity, None, NOTES_SHOWN)
        hidden = await self._door.hidden(request)
        cases, verdicts = await asyncio.to_thread(self._cases_of, kind, entity, hidden)
        return Remembered(facts, notes, verdicts, cases)

    def _cases_of(self, kind: str, entity: str, hidden: list[str]) -> tuple[list[CaseOfEntity], list[Verdict]]:
        now_ms, stores = self._door.now_ms(), self._door.stores
        found = stores.cases.page(CaseFilter(now_ms=now_ms, hidden=hidden, entity=(kind, entity)), None, CASES_SHOWN)
        seen = {case.id for case in found}
        verdicts = [one for one in stores.verdicts.on_entity(kind, entity, CASES_SHOWN) if one.case_id in seen] if seen else []
        shown = [
            CaseOfEntity(case.id, case.typology, case.title, state_at(case, now_ms), case.verdict, case.opened_at_ms, case.closed_at_ms)
            for case in found
        ]
        return shown, verdicts
