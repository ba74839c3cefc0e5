"""Webhooks that get nothing are found from what the stores say."""

import contextlib
import pathlib

import msgspec
from databases_of_a_test import database_in

from alerts.webhooks.delivery_line import TOLD_AFTER_MS
from alerts.webhooks.troubles import webhook_troubles
from stores.casework.deliveries import Attempt, DeliveryState, Message, Settled
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.webhooks import RelationalWebhooks

NOW_MS = 1_700_000_000_000


def test_a_webhook_that_failed_for_long_or_was_disabled_by_its_receiver_is_found(tmp_path: pathlib.Path) -> None:
    with contextlib.closing(database_in(tmp_path)) as database:
        webhooks, deliveries = RelationalWebhooks(database), RelationalDeliveries(database)
        wish = WebhookWish(url="https://example.com/")
        off = WebhookWish(url="https://example.com/", state="disabled")
        for id in ("well", "failing", "mended", "gone", "off"):
            made = StoredWebhook(id=id, wish=wish, keys=(), version=1, by="ana", made_at_ms=1, changed_at_ms=1)
            if id in ("gone", "off"):
                made = msgspec.structs.replace(made, wish=off, why="it answered 410" if id == "gone" else "", changed_at_ms=NOW_MS)
            webhooks.add(made)
        deliveries.add([(Message("m1", "webhook.test", "k", 1, b"{}", b"{}"), ["well", "failing", "mended"])])

        def attempted(webhook: str, number: int, at_ms: int, status: int) -> None:
            state: DeliveryState = "pending"
            deliveries.settle([Settled(1, webhook, Attempt(number, at_ms, 1, status), state, at_ms)])

        attempted("well", 1, NOW_MS - 5, 204)
        for webhook in ("failing", "mended"):
            attempted(webhook, 1, NOW_MS - 3 * TOLD_AFTER_MS, 204)
            attempted(webhook, 2, NOW_MS - TOLD_AFTER_MS, 500)
            attempted(webhook, 3, NOW_MS - 10, 500)
        attempted("mended", 4, NOW_MS - 5, 204)
        found = {one.webhook.id: (one.why, one.since_ms) for one in webhook_troubles(webhooks, deliveries, NOW_MS)}
        assert found == {
            "failing": ("every attempt of 6 hours has failed", NOW_MS - TOLD_AFTER_MS),
            "gone": ("it was disabled: it answered 410", NOW_MS),
        }
        assert [one.webhook.id for one in webhook_troubles(webhooks, deliveries, NOW_MS - 1)] == ["gone"]
