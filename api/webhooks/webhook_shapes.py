"""Webhooks and deliveries as callers send and see them. The keys that sign are in one answer only, that of the request that made them."""

from typing import Annotated, Literal

import msgspec

from stores.casework.webhooks import FILTER_CHARACTERS_MAX, WebhookState

DESCRIPTION_CHARACTERS_MAX = 500
KEYS_MAX = 4
Signing = Literal["ed25519", "secret"]


class GivenWebhook(msgspec.Struct, forbid_unknown_fields=True):
    """A webhook as callers send it.

    `types` are the types of messages that it gets, such as ``alert.opened``, or ``alert.*`` for all that begin so; empty for every type.
    With the form ``thin`` it gets ids alone. Of messages that tell of an alert it gets those that meet `filter`, a condition over
    ``alert.``, ``decision.`` and ``entity.`` such as ``alert.loss > 100.0``; an empty one is met by all.
    """

    url: str
    description: Annotated[str, msgspec.Meta(max_length=DESCRIPTION_CHARACTERS_MAX)] = ""
    types: list[str] = []
    filter: Annotated[str, msgspec.Meta(max_length=FILTER_CHARACTERS_MAX)] = ""
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

    `waiting` messages are on their way, the oldest of which was written at `waiting_since_ms`. Since `failing_since_ms` no attempt has
    succeeded; null where the last one did.
    """

    id: str
    url: str
    description: str
    types: tuple[str, ...]
    filter: str
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
    failing_since_ms: int | None


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
