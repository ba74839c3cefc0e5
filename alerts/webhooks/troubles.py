"""Finds webhooks that get nothing: disabled because of their receiver, or failing for long. It is found from the store alone.

Whoever is told by webhooks cannot be told by them that they fail; so Alertmanager, `weir doctor` and the list of webhooks say it.
"""

import msgspec

from alerts.webhooks.delivery_line import TOLD_AFTER_MS
from stores.casework.deliveries import Deliveries
from stores.casework.webhooks import StoredWebhook, Webhooks


class WebhookTrouble(msgspec.Struct, frozen=True):
    """Says what keeps messages from a webhook, and since when, ms since the epoch."""

    webhook: StoredWebhook
    why: str
    since_ms: int


def webhook_troubles(webhooks: Webhooks, deliveries: Deliveries, now_ms: int) -> list[WebhookTrouble]:
    """Returns the webhooks that somebody has to look at; one that a user disabled is none.

    Raises:
        StoreUnavailableError: a store does not answer.
    """
    found = (_trouble(webhook, deliveries, now_ms) for webhook in webhooks.all())
    return [trouble for trouble in found if trouble is not None]


def _trouble(webhook: StoredWebhook, deliveries: Deliveries, now_ms: int) -> WebhookTrouble | None:
    if webhook.wish.state == "disabled":
        return WebhookTrouble(webhook, f"it was disabled: {webhook.why}", webhook.changed_at_ms) if webhook.why else None
    since_ms = deliveries.failing_since_ms(webhook.id)
    if since_ms is None or now_ms - since_ms < TOLD_AFTER_MS:
        return None
    return WebhookTrouble(webhook, f"every attempt of {(now_ms - since_ms) // 3_600_000} hours has failed", since_ms)
