"""Looks at a job of verdicts with what only a process of the API knows: who asks, when, and the inboxes that they may not see."""

import asyncio
import secrets

import msgspec

from api.auth.permissions import Caller
from api.cases.case_door import may_see
from api.kafka.log import Clock
from pipeline.jobs.verdicts_kind import VerdictsParameters
from stores.casework.inboxes import Inboxes


class VerdictsDoor:
    """Gives the parameters of a job of verdicts as they are stored."""

    def __init__(self, inboxes: Inboxes, clock: Clock) -> None:
        self._inboxes = inboxes
        self._clock = clock

    async def __call__(self, given: VerdictsParameters, caller: Caller) -> VerdictsParameters:
        """`given` with what the caller does not say."""
        hidden = tuple(inbox.name for inbox in await asyncio.to_thread(self._inboxes.all) if not may_see(caller, inbox))
        own = {"by": caller.name, "seed": secrets.token_hex(16), "at_ms": int(self._clock() * 1_000), "hidden": hidden}
        return msgspec.structs.replace(given, **own)
