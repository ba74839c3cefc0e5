"""Defines how webhooks are stored: the receivers that users have named, and what each of them wants to get."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

WebhookState = Literal["enabled", "disabled"]
WEBHOOKS_MAX = 200
"""Every message is weighed against every webhook, so that their number has a bound."""

FILTER_CHARACTERS_MAX = 2_000


class WebhookWish(msgspec.Struct, frozen=True, kw_only=True):
    """Holds what a user says of a webhook.

    Args:
        url: where messages go.
        description: what the receiver is for, in the user's words.
        types: types of messages that it gets, such as ``alert.opened``; ``alert.*`` stands for all that begin so; empty for every type.
        filter: a condition over the alert that a message tells of (see `alerts.telling.message_filter`); empty for every message.
        form: ``full``, or ``thin`` for ids alone, where the receiver asks for the rest.
        state: ``disabled`` webhooks get nothing; what was meant for them waits.
    """

    url: str
    description: str = ""
    types: tuple[str, ...] = ()
    filter: str = ""
    form: Literal["full", "thin"] = "full"
    state: WebhookState = "enabled"


class StoredWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """Holds a webhook. Times are ms since the epoch.

    Args:
        id: 32 hexadecimal digits.
        wish: what its user says.
        keys: what its messages are signed with (see `alerts.webhooks.signing`), the preferred one first. They are secrets.
        version: the number of changes, from 1 on.
        by: who made it.
        made_at_ms, changed_at_ms: when it was made, and when its newest version was.
        why: why it is disabled, if nobody asked for that; empty otherwise.
    """

    id: str
    wish: WebhookWish
    keys: tuple[str, ...]
    version: int
    by: str
    made_at_ms: int
    changed_at_ms: int
    why: str = ""


class TooManyWebhooksError(Exception):
    """There are `WEBHOOKS_MAX` webhooks already."""


class Webhooks(Protocol):
    """Stores webhooks. Any number of processes read and write, and each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def add(self, webhook: StoredWebhook) -> None:
        """Adds a webhook.

        Raises:
            TooManyWebhooksError: there is no room for it.
        """

    def all(self) -> Sequence[StoredWebhook]:
        """Returns all webhooks, the oldest first."""

    def get(self, id: str) -> StoredWebhook | None:
        """Returns the webhook; None if there is none."""

    def replace(self, webhook: StoredWebhook) -> bool:
        """Writes the next version of a webhook.

        Returns False, and changes nothing, unless the version that is stored is the one before `webhook.version`.
        """

    def remove(self, id: str) -> bool:
        """Removes a webhook with all its deliveries; returns False if there is none."""
