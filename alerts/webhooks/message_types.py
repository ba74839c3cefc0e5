"""The types of messages that webhooks may ask for."""

from collections.abc import Iterable, Sequence

from foundation.refusal import Refusal
from stores.casework.case import TOLD
from stores.casework.webhooks import StoredWebhook

TEST = "webhook.test"
"""Is sent to one webhook when somebody asks for it, whatever types it wants."""
ALERT_OPENED, ALERT_UPDATED, ALERT_RESOLVED = "alert.opened", "alert.updated", "alert.resolved"
ALERTS_WITHHELD = "alerts.withheld"
"""Says how many alerts of a kind opened beyond its limit, of which nobody was told one by one."""
PAYMENT_RELEASE, PAYMENT_DECLINE, PAYMENT_HOLD = "payment.release", "payment.decline", "payment.hold"
"""Say what becomes of a payment that was held. It is to be held again where its release or decline was taken back."""
VERDICT_GIVEN, VERDICT_UNDONE = "verdict.given", "verdict.undone"
CASE = "case."
"""Begins the types that say what happened to a case; the rest is an entry's word."""
_OF_PAYMENTS = (PAYMENT_RELEASE, PAYMENT_DECLINE, PAYMENT_HOLD)
MESSAGE_TYPES: tuple[str, ...] = (
    TEST,
    ALERT_OPENED,
    ALERT_UPDATED,
    ALERT_RESOLVED,
    ALERTS_WITHHELD,
    *_OF_PAYMENTS,
    VERDICT_GIVEN,
    VERDICT_UNDONE,
    *(CASE + what for what in TOLD),
)
PATTERNS_MAX = 50


def wants(patterns: Sequence[str], type: str) -> bool:
    """Returns whether one of `patterns` is `type`, or ends in ``.*`` and begins it; no pattern at all wants every type."""
    return not patterns or any(type == pattern or (pattern.endswith(".*") and type.startswith(pattern[:-1])) for pattern in patterns)


def wanting(webhooks: Iterable[StoredWebhook], type: str) -> tuple[str, ...]:
    """Returns the ids of the webhooks that want messages of a type. A disabled webhook wants what others do: it waits."""
    return tuple(webhook.id for webhook in webhooks if wants(webhook.wish.types, type))


def require_patterns(patterns: Sequence[str], where: str) -> None:
    """Checks the types that a user asks for.

    Raises:
        Refusal: one of them stands for no type, or there are more than `PATTERNS_MAX`.
    """
    if len(patterns) > PATTERNS_MAX:
        raise Refusal("too many types", where=where, expected=f"at most {PATTERNS_MAX}", got=len(patterns))
    for index, pattern in enumerate(patterns):
        if not any(wants([pattern], type) for type in MESSAGE_TYPES):
            expected = f"one of {', '.join(MESSAGE_TYPES)}, or the beginning of one and .*"
            raise Refusal("unknown type of messages", where=f"{where}[{index}]", expected=expected, got=pattern)
