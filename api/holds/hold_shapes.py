"""Holds as callers see and end them."""

from typing import Annotated

import msgspec

from api.webhooks.webhook_shapes import ShownDelivery
from stores.casework.holds import Hold

REASON_CHARACTERS_MAX = 500


class HoldPage(msgspec.Struct):
    """Holds, the newest first; `next` is the cursor of the page behind it, and null on the last one."""

    holds: list[Hold]
    next: str | None


class ShownHold(msgspec.Struct):
    """A hold, and what became of the message that tells of its end: one delivery for each webhook that wants it."""

    hold: Hold
    told: list[ShownDelivery]


class GivenEnd(msgspec.Struct, forbid_unknown_fields=True):
    """Why somebody ends a hold."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
