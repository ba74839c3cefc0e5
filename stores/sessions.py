"""Defines how sessions of the console are stored: never their secrets, only SHA-256 of them, as with API tokens."""

from typing import Literal, Protocol

import msgspec

SESSIONS_OF_CALLER_MAX = 20
"""The greatest number of sessions of one caller; a further one ends that which was begun first."""


class Session(msgspec.Struct, frozen=True):
    """Holds what is stored of a session.

    Args:
        id: names the session; it opens nothing.
        hash: SHA-256 of its secret, in hexadecimal.
        earlier_hash: that of the secret before the last rotation; '' if there was none.
        name: the caller's name.
        roles: what the caller may do, where no API token says so.
        token_hash: SHA-256 of the API token that the session rests on, and ends with; '' for callers of an identity provider.
        began_at_ms: when its caller signed in, ms since the epoch.
        rotated_at_ms: when it got its secret.
        used_at_ms: when its caller last opened a page.
        expires_at_ms: when it ends at the latest.
    """

    id: str
    hash: str
    earlier_hash: str
    name: str
    roles: tuple[str, ...]
    token_hash: str
    began_at_ms: int
    rotated_at_ms: int
    used_at_ms: int
    expires_at_ms: int


class Ticket(msgspec.Struct, frozen=True):
    """Holds what is stored of something that signs a caller in once: a link, or a sign-in at the identity provider that has begun.

    Args:
        hash: SHA-256 of its secret, in hexadecimal.
        purpose: what it is for; no other use is accepted.
        content: what has to be known when it is used; it holds no secret that outlives the ticket.
        expires_at_ms: from then on it is worth nothing, ms since the epoch.
    """

    hash: str
    purpose: Literal["link", "provider"]
    content: str
    expires_at_ms: int


class Sessions(Protocol):
    """Stores sessions and tickets. Any number of processes read and write; each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def add(self, session: Session) -> None:
        """Stores a new session, and removes those that have expired and those of its caller beyond `SESSIONS_OF_CALLER_MAX`."""

    def by_hash(self, hash: str) -> Session | None:
        """Returns the session whose secret, or the secret before it, has this hash; None if there is none."""

    def use(self, id: str, at_ms: int) -> None:
        """Notes that a session was used; nothing is changed if it has ended."""

    def rotate(self, id: str, hash: str, new_hash: str, at_ms: int) -> bool:
        """Gives a session another secret. Returns False and changes nothing if its secret is no longer that of `hash`."""

    def end(self, id: str) -> bool:
        """Ends a session; returns False if it has ended."""

    def add_ticket(self, ticket: Ticket, now_ms: int) -> None:
        """Stores a ticket, and removes those that have expired."""

    def take_ticket(self, hash: str) -> Ticket | None:
        """Removes a ticket and returns it, so that of several calls only one gets it; None if there is none."""
