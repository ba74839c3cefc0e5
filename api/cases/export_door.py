"""Looks at an export with what only a process of the API knows: the inboxes whose cases its caller may not see."""

import asyncio

import msgspec

from api.auth.permissions import Caller
from api.cases.case_door import may_see
from pipeline.jobs.export_kind import ExportParameters
from stores.casework.inboxes import Inboxes


class ExportDoor:
    """Gives the parameters of an export as they are stored."""

    def __init__(self, inboxes: Inboxes) -> None:
        self._inboxes = inboxes

    async def __call__(self, given: ExportParameters, caller: Caller) -> ExportParameters:
        """`given` with the inboxes that the caller may not see, whatever the caller said of them."""
        inboxes = await asyncio.to_thread(self._inboxes.all) if given.what in ("cases", "verdicts") else ()
        return msgspec.structs.replace(given, hidden=tuple(inbox.name for inbox in inboxes if not may_see(caller, inbox)))
