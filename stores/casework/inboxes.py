"""Defines how inboxes are stored: who may see the cases in each. What else is said of an inbox stands in cases.yaml."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

INBOXES_MAX = 500


class Inbox(msgspec.Struct, frozen=True):
    """Says who may see the cases of one inbox. Admins may, and whoever has one of the roles or is one of the members.

    Args:
        name: as cases.yaml has it.
        roles: of `api.auth.permissions.ROLES`.
        members: names of callers.
        version: the number of changes, from 1 on.
        by: who changed it last.
        changed_at_ms: when, ms since the epoch.
    """

    name: str
    roles: tuple[str, ...]
    members: tuple[str, ...]
    version: int
    by: str
    changed_at_ms: int


class TooManyInboxesError(Exception):
    """There are `INBOXES_MAX` inboxes already."""


class Inboxes(Protocol):
    """Stores inboxes. Any number of processes read and write, and each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def all(self) -> Sequence[Inbox]:
        """Returns all inboxes of which it is said who may see them, by name."""

    def put(self, inbox: Inbox) -> bool:
        """Stores an inbox in the place of its version before, or as the first one; returns false if another version is there.

        Raises:
            TooManyInboxesError: it would be one too many.
        """

    def remove(self, name: str) -> bool:
        """Removes what is said of an inbox; returns whether there was something."""
