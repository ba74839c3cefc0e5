"""Webhooks and deliveries as callers send and see them. The keys that sign are in one answer only, that of the request that made them."""

from typing import Annotated, Literal

import msgspec

from alerts.webhooks.message_types import require_patterns
from alerts.webhooks.signing import PRIVATE_PREFIX, new_private_key, new_secret, public_key
from foundation.refusal import Refusal
from stores.deliveries import Attempt, Delivery
from stores.webhooks import StoredWebhook, WebhookState, WebhookWish

DESCRIPTION_CHARACTERS_MAX = 500
KEYS_MAX = 4
Signing = Literal["ed25519", "secret"]


class GivenWebhook(msgspec.Struct, forbid_unknown_fields=True):
    """A webhook as callers send it.

    `types` are the types of messages that it gets, such as ``alert.opened``, or ``alert.*`` for all that begin so; empty for every type.
    With the form ``thin`` it gets ids alone.
    """

    url: str
    description: Annotated[str, msgspec.Meta(max_length=DESCRIPTION_CHARACTERS_MAX)] = ""
    types: list[str] = []
    form: Literal["full", "thin"] = "full"
    state: WebhookState = "enabled"


class NewWebhook(GivenWebhook):
    """A new webhook. `signing` says how its messages are signed: ``ed25519`` with a key that only Weir knows, or a shared ``secret``."""

    signing: Signing = "ed25519"


class WantedKey(msgspec.Struct, forbid_unknown_fields=True):
    """Says which kind of key takes the first place."""

    signing: Signing = "ed25519"


class ShownKey(msgspec.Struct, omit_defaults=True):
    """A key that signs; `public` is what receivers verify with, and empty for a shared secret, which is shown once, in `secret`."""

    signing: Signing
    public: str = ""
    secret: str = ""


class ShownWebhook(msgspec.Struct):
    """A webhook. Times are ms since the epoch. `why` says why it is disabled if nobody asked for that.

    `waiting` messages are on their way, the oldest of which was written at `waiting_since_ms`.
    """

    id: str
    url: str
    description: str
    types: tuple[str, ...]
    form: str
    state: WebhookState
    why: str
    keys: list[ShownKey]
    version: int
    by: str
    made_at_ms: int
    changed_at_ms: int
    waiting: int
    waiting_since_ms: int | None


class ShownWebhooks(msgspec.Struct):
    """All webhooks, the oldest first."""

    webhooks: list[ShownWebhook]


class ShownAttempt(msgspec.Struct):
    """An attempt to deliver. `excerpt` is the beginning of the receiver's answer; only admins see it, others see null."""

    attempt: int
    at_ms: int
    took_ms: int
    status: int | None
    fault: str
    excerpt: str | None


class ShownDelivery(msgspec.Struct):
    """A message on its way to one webhook. `message` is its id there, and `key` what it is about; times are ms since the epoch."""

    number: int
    webhook: str
    message: str
    type: str
    key: str
    at_ms: int
    state: str
    attempts: int
    due_at_ms: int | None
    ended_at_ms: int | None


class DeliveryPage(msgspec.Struct):
    """Deliveries, the newest first; `next` is the cursor of the page behind it, and null on the last one."""

    deliveries: list[ShownDelivery]
    next: str | None


class DeliveryWithAttempts(msgspec.Struct):
    """A delivery, what it says, and all attempts that are remembered, the oldest first."""

    delivery: ShownDelivery
    body: msgspec.Raw
    attempts: list[ShownAttempt]


class Again(msgspec.Struct, forbid_unknown_fields=True):
    """Says which deliveries are sent again: those with `numbers`, or those in `states` whose messages are of [`since_ms`, `until_ms`)."""

    numbers: Annotated[list[int], msgspec.Meta(max_length=1_000)] | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    states: tuple[Literal["dead", "gone", "delivered"], ...] = ("dead",)


class SentAgain(msgspec.Struct):
    """Says how many deliveries are sent again."""

    deliveries: int


def wish_of(given: GivenWebhook) -> WebhookWish:
    """What a caller says of a webhook.

    Raises:
        Refusal: a type stands for none.
    """
    require_patterns(given.types, "types")
    return WebhookWish(url=given.url, description=given.description, types=tuple(given.types), form=given.form, state=given.state)


def new_key(signing: Signing) -> str:
    """Makes a key of that kind."""
    return new_private_key() if signing == "ed25519" else new_secret()


def shown_webhook(webhook: StoredWebhook, waiting: tuple[int, int] | None, revealed: str = "") -> ShownWebhook:
    """A webhook as callers see it.

    Args:
        waiting: how many messages are pending, and since when (see `stores.deliveries.Deliveries.pending`).
        revealed: the shared secret that was made right now, and is shown this once.
    """
    wish = webhook.wish
    keys = [
        ShownKey("ed25519", public=public_key(key))
        if key.startswith(PRIVATE_PREFIX)
        else ShownKey("secret", secret=key * (key == revealed))
        for key in webhook.keys
    ]
    return ShownWebhook(
        webhook.id, wish.url, wish.description, wish.types, wish.form, wish.state, webhook.why, keys, webhook.version, webhook.by,
        webhook.made_at_ms, webhook.changed_at_ms, waiting[0] if waiting else 0, waiting[1] if waiting else None,
    )  # fmt: skip


def shown_delivery(delivery: Delivery) -> ShownDelivery:
    """A delivery as callers see it."""
    message, due_at_ms = delivery.message, delivery.due_at_ms if delivery.state == "pending" else None
    told = (delivery.number, delivery.webhook, message.id, message.type, message.key, message.at_ms)
    return ShownDelivery(*told, delivery.state, delivery.attempts, due_at_ms, delivery.ended_at_ms)


def shown_attempt(attempt: Attempt, with_excerpt: bool) -> ShownAttempt:
    """An attempt as callers see it."""
    excerpt = attempt.excerpt if with_excerpt else None
    return ShownAttempt(attempt.number, attempt.at_ms, attempt.took_ms, attempt.status, attempt.fault, excerpt)


def require_again(wanted: Again) -> None:
    """Checks that either numbers or a range of times is given.

    Raises:
        Refusal: both are, neither is, or the range is empty.
    """
    by_range = wanted.since_ms is not None and wanted.until_ms is not None and wanted.since_ms < wanted.until_ms
    if by_range == (wanted.numbers is not None) or (wanted.numbers is not None and (wanted.since_ms or wanted.until_ms) is not None):
        expected = '{"numbers": […]}, or {"since_ms": …, "until_ms": …} with the first before the second'
        raise Refusal("no deliveries named", where="body", expected=expected, got="both, neither, or an empty range")
