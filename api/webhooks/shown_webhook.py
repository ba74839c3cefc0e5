"""Makes what callers see of webhooks and deliveries, and checks what they send."""

from alerts.telling.message_filter import require_filter
from alerts.webhooks.message_types import require_patterns
from alerts.webhooks.signing import PRIVATE_PREFIX, new_private_key, new_secret, public_key
from api.webhooks.webhook_shapes import Again, GivenWebhook, ShownAttempt, ShownDelivery, ShownKey, ShownWebhook, Signing
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import Release
from stores.casework.deliveries import Attempt, Delivery
from stores.casework.webhooks import StoredWebhook, WebhookWish


def wish_of(given: GivenWebhook, release: Release | None) -> WebhookWish:
    """What a caller says of a webhook.

    Args:
        release: the one in force, whose entities a filter may read; None for none.

    Raises:
        Refusal: a type stands for none, or the filter is none.
    """
    require_patterns(given.types, "types")
    require_filter(given.filter, () if release is None else (release.schema.user, *release.schema.entities))
    return WebhookWish(
        url=given.url, description=given.description, types=tuple(given.types), filter=given.filter, form=given.form, state=given.state
    )


def new_key(signing: Signing) -> str:
    """Makes a key of that kind."""
    return new_private_key() if signing == "ed25519" else new_secret()


def shown_webhook(
    webhook: StoredWebhook, waiting: tuple[int, int] | None, failing_since_ms: int | None = None, revealed: str = ""
) -> ShownWebhook:
    """A webhook as callers see it.

    Args:
        failing_since_ms: since when no attempt has succeeded, ms since the epoch; None where the last one did.
        waiting: how many messages are pending, and since when (see `stores.casework.deliveries.Deliveries.pending`).
        revealed: the shared secret that was made right now, and is shown this once.
    """
    wish = webhook.wish
    keys = [
        ShownKey("ed25519", public=public_key(key))
        if key.startswith(PRIVATE_PREFIX)
        else ShownKey("secret", secret=key * (key == revealed))
        for key in webhook.keys
    ]
    waiting_count, waiting_since_ms = waiting or (0, None)
    return ShownWebhook(
        webhook.id, wish.url, wish.description, wish.types, wish.filter, wish.form, wish.state, webhook.why, keys, webhook.version,
        webhook.by, webhook.made_at_ms, webhook.changed_at_ms, waiting_count, waiting_since_ms, failing_since_ms,
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
