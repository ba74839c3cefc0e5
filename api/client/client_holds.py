"""Holds of payments from Python."""

from collections.abc import Callable, Sequence
from typing import Any

from api.holds.hold_shapes import HoldPage, ShownHold


class ClientHolds:
    """The calls about holds of one client. Each may raise a `Refusal`, as `api.client.client.Client` says.

    Args:
        read: makes a call and gives its answer in the given shape.
    """

    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read

    def page(self, states: Sequence[str] = (), user: str | None = None, cursor: str | None = None, limit: int = 50) -> HoldPage:
        """Returns holds, the newest first: of one user or of all, in one of `states` or in any."""
        given = {"state": list(states), "user": user, "cursor": cursor, "limit": limit}
        found: HoldPage = self._read("GET", "/v1/holds", HoldPage, params=given)
        return found

    def get(self, id: str) -> ShownHold:
        """Returns a hold with what became of the message of its end."""
        found: ShownHold = self._read("GET", f"/v1/holds/{id}", ShownHold)
        return found

    def release(self, id: str, reason: str) -> ShownHold:
        """Releases a held payment; a hold that has ended already is refused."""
        return self._end(id, "release", reason)

    def decline(self, id: str, reason: str) -> ShownHold:
        """Declines a held payment; a hold that has ended already is refused."""
        return self._end(id, "decline", reason)

    def _end(self, id: str, how: str, reason: str) -> ShownHold:
        found: ShownHold = self._read("POST", f"/v1/holds/{id}:{how}", ShownHold, json={"reason": reason})
        return found
