"""Defines how messages wait for their receivers (an outbox), and what became of each attempt to deliver them.

A message is written in the transaction of what it tells, with one delivery for each webhook that wants it. A delivery is ``pending`` until
the receiver took it (``delivered``), no attempt is left (``dead``), or the receiver wants nothing any more (``gone``). Deliveries to one
webhook that have the same `key`, such as those about one entity, are made in the order of their messages: only the first one that is
pending is ever due.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

DeliveryState = Literal["pending", "delivered", "dead", "gone"]
DELIVERY_STATES: tuple[DeliveryState, ...] = ("pending", "delivered", "dead", "gone")


class Message(msgspec.Struct, frozen=True):
    """Holds what is told.

    Args:
        id: the same in every attempt, by which receivers recognise a repeat. A message whose id is stored already is not stored again.
        type: what happened, such as ``alert.opened``.
        key: what the message is about; its order is kept for each key.
        at_ms: when it happened, ms since the epoch.
        full: the body for receivers that want it whole, as JSON.
        thin: the body for receivers that want ids alone.
    """

    id: str
    type: str
    key: str
    at_ms: int
    full: bytes
    thin: bytes


class Delivery(msgspec.Struct, frozen=True):
    """Holds what is on its way to one webhook. Times are ms since the epoch.

    Args:
        number: the place of its message among all; greater for later ones.
        webhook: the id of the webhook.
        message: what is told.
        state: one of `DELIVERY_STATES`.
        attempts: number of attempts that were made.
        attempts_before: how many of them were made before it was last sent again by hand: the waits between attempts begin anew then.
        due_at_ms: when the next attempt may be made (inclusive).
        ended_at_ms: when it was no longer pending; None before.
    """

    number: int
    webhook: str
    message: Message
    state: DeliveryState
    attempts: int
    attempts_before: int
    due_at_ms: int
    ended_at_ms: int | None = None


class Attempt(msgspec.Struct, frozen=True):
    """Holds what came of one attempt.

    Args:
        number: its number among the attempts of its delivery, from 1 on.
        at_ms: when it began, ms since the epoch.
        took_ms: how long it took.
        status: the status of HTTP; None if no answer came.
        fault: why no answer came; empty if one came.
        excerpt: the beginning of what the receiver answered; only admins may read it.
    """

    number: int
    at_ms: int
    took_ms: int
    status: int | None
    fault: str = ""
    excerpt: str = ""


class Settled(msgspec.Struct, frozen=True):
    """Says what an attempt has made of a delivery: its new state, and when it is due again if it is pending still."""

    number: int
    webhook: str
    attempt: Attempt
    state: DeliveryState
    due_at_ms: int


class Deliveries(Protocol):
    """Stores messages and their deliveries. Any number of processes read and write; each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def add(self, messages: Sequence[tuple[Message, Sequence[str]]]) -> int:
        """Adds messages in their order, each for the webhooks with the ids beside it; returns how many were not there yet."""

    def due(self, webhook: str, at_ms: int, limit: int) -> list[Delivery]:
        """Returns at most `limit` deliveries to a webhook that may be attempted at `at_ms`, at most one a key, in their order."""

    def settle(self, settled: Sequence[Settled]) -> None:
        """Writes what came of attempts. A delivery that is no longer pending keeps its state; the attempt is remembered."""

    def waiting(self, webhooks: Sequence[str], at_ms: int) -> list[str]:
        """Returns those of `webhooks` to which a delivery may be attempted at `at_ms`, for one short query each."""

    def pending(self) -> dict[str, tuple[int, int]]:
        """Returns for each webhook with pending deliveries how many there are, and the time of the oldest message, ms since the epoch."""

    def page(self, webhook: str | None, states: Sequence[DeliveryState], before: int | None, limit: int) -> list[Delivery]:
        """Returns the newest `limit` deliveries, newest first, and all others of the last one's message, so that no page tears them apart.

        Args:
            webhook: only those to this one; None for all.
            states: only those in one of these states; empty for all.
            before: only those with a smaller number; None for all.
        """

    def of_message(self, id: str) -> list[Delivery]:
        """Returns the deliveries of the message with this id, in the order of their webhooks."""

    def attempts(self, number: int, webhook: str) -> list[Attempt]:
        """Returns the attempts of a delivery that are remembered, the oldest first."""

    def failing_since_ms(self, webhook: str) -> int | None:
        """Returns when the first attempt after the last delivery to a webhook began, ms since the epoch; None if there is none."""

    def send_again(self, webhook: str, numbers: Sequence[int], at_ms: int) -> int:
        """Makes deliveries pending again that have ended, as if no attempt had been made; returns how many."""

    def send_again_since(self, webhook: str, since_ms: int, until_ms: int, states: Sequence[DeliveryState], at_ms: int) -> int:
        """Does the same for those in `states` whose messages are of [since_ms, until_ms)."""

    def forget(self, before_ms: int, limit: int) -> int:
        """Removes at most `limit` messages of before `before_ms` (exclusive) of which no delivery is pending, with all about them.

        Returns how many it removed.
        """
