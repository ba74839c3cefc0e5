"""Whether a caller who was let in still may do what it does, for answers that last."""

import asyncio

from api.auth.authenticator import Gate
from api.auth.permissions import ADMIN
from api.http.problem import Problem

CHECK_SECONDS = 1.0
"""Between two looks. A revoked token is known as such after `REVOKED_SECONDS_MAX` at most, where requests use it all the time."""


class Admission:
    """One caller's admission to one route.

    Args:
        gate: says who calls.
        authorization: the header that the request came with.
        allowed: bits of the roles that may call the route.
        peer: where the request came from.
        seconds: between two looks.
    """

    def __init__(self, gate: Gate, authorization: bytes | None, allowed: int, peer: str, seconds: float = CHECK_SECONDS) -> None:
        self._gate = gate
        self._authorization = authorization
        self._allowed = allowed
        self._peer = peer
        self._seconds = seconds

    async def ended(self) -> None:
        """Returns once the token was revoked, has expired, has lost the role, or can no longer be proved."""
        while await self._counts():
            await asyncio.sleep(self._seconds)

    async def _counts(self) -> bool:
        try:
            caller = self._gate.known(self._authorization) or await self._gate.identify(self._authorization, self._peer)
        except Problem:
            return False
        return bool(caller.mask & (self._allowed or ADMIN))
