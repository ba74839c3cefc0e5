"""Long answers, such as the stream, end when their caller's token is no longer valid."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive, Scope

from api.auth.authenticator import Authenticator
from api.auth.permissions import ADMIN, ADMISSION
from api.http.problem import Problem

CHECK_SECONDS = 1.0
"""The time between two checks. The authenticator itself notices a revoked token within `REVOKED_SECONDS_MAX`."""


class Admission:
    """Watches whether one caller may still call one route.

    Args:
        authenticator: finds out who calls.
        authorization: the value of the request's header ``Authorization``.
        allowed: the bits of the roles that may call the route; 0 means admins only.
        peer: where the request came from, for the log.
        seconds: the time between two checks.
    """

    def __init__(
        self, authenticator: Authenticator, authorization: bytes | None, allowed: int, peer: str, seconds: float = CHECK_SECONDS
    ) -> None:
        self._authenticator = authenticator
        self._authorization = authorization
        self._allowed = allowed
        self._peer = peer
        self._seconds = seconds

    async def ended(self) -> None:
        """Returns once the token was revoked, has expired, has lost its role, or can no longer be verified."""
        while await self._is_admitted():
            await asyncio.sleep(self._seconds)

    async def _is_admitted(self) -> bool:
        try:
            caller = self._authenticator.known(self._authorization) or await self._authenticator.identify(self._authorization, self._peer)
        except Problem:
            return False
        return bool(caller.mask & (self._allowed or ADMIN))


async def send_while_admitted(scope: Scope, receive: Receive, sending: Coroutine[Any, Any, None]) -> None:
    """Runs `sending` until it returns or raises, the caller has gone, or its token is no longer valid."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.create_task(each) for each in (gone(), sending, scope[ADMISSION].ended())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
