"""Webhooks from Python: receivers are named, and what became of each message is read."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from api.webhooks.webhook_shapes import (
    DeliveryPage,
    DeliveryWithAttempts,
    GivenWebhook,
    NewWebhook,
    SentAgain,
    ShownWebhook,
    ShownWebhooks,
    Signing,
)


class ClientWebhooks:
    """The calls about webhooks of one client. Each may raise a `Refusal`, as `api.client.client.Client` says.

    Args:
        read: makes a call and gives its answer in the given shape.
    """

    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read

    def all(self) -> ShownWebhooks:
        """Returns all webhooks, the oldest first."""
        found: ShownWebhooks = self._read("GET", "/v1/webhooks", ShownWebhooks)
        return found

    def make(self, webhook: NewWebhook) -> ShownWebhook:
        """Makes a webhook. The answer holds the public key of its messages, or, this once, the shared secret."""
        return self._write("POST", "/v1/webhooks", webhook)

    def change(self, id: str, webhook: GivenWebhook, seen: int | None = None) -> ShownWebhook:
        """Changes a webhook.

        Args:
            seen: the version that the caller has seen; the call is refused if another one is stored. None skips this check.
        """
        headers = {} if seen is None else {"if-match": f'"{seen}"'}
        return self._write("PUT", f"/v1/webhooks/{id}", webhook, headers)

    def remove(self, id: str) -> None:
        """Removes a webhook with all its deliveries."""
        self._read("DELETE", f"/v1/webhooks/{id}", ShownWebhook)

    def rotate(self, id: str, signing: Signing = "ed25519") -> ShownWebhook:
        """Adds a key that signs beside those that there are."""
        found: ShownWebhook = self._read("POST", f"/v1/webhooks/{id}:rotate", ShownWebhook, json={"signing": signing})
        return found

    def drop_older_keys(self, id: str) -> ShownWebhook:
        """Drops all keys of a webhook but the newest."""
        found: ShownWebhook = self._read("POST", f"/v1/webhooks/{id}:drop_older_keys", ShownWebhook)
        return found

    def test(self, id: str) -> None:
        """Sends a message of the type ``webhook.test`` to one webhook."""
        self._read("POST", f"/v1/webhooks/{id}:test", SentAgain)

    def deliveries(
        self, webhook: str | None = None, states: Sequence[str] = (), cursor: str | None = None, limit: int = 50
    ) -> DeliveryPage:
        """Returns deliveries, the newest first: those to one webhook, or to all, in one of `states`, or in any."""
        given = {"webhook": webhook, "state": list(states), "cursor": cursor, "limit": limit}
        found: DeliveryPage = self._read("GET", "/v1/deliveries", DeliveryPage, params=given)
        return found

    def delivery(self, webhook: str, number: int) -> DeliveryWithAttempts:
        """Returns one delivery with its attempts."""
        found: DeliveryWithAttempts = self._read("GET", f"/v1/deliveries/{webhook}/{number}", DeliveryWithAttempts)
        return found

    def send_again(self, webhook: str, numbers: Sequence[int]) -> int:
        """Sends deliveries with these numbers again that have ended; returns how many."""
        return self._again(webhook, {"numbers": list(numbers)})

    def send_again_since(
        self, webhook: str, since_ms: int, until_ms: int, states: Sequence[Literal["dead", "gone", "delivered"]] = ("dead",)
    ) -> int:
        """Sends those in `states` again whose messages are of [since_ms, until_ms), ms since the epoch; returns how many."""
        return self._again(webhook, {"since_ms": since_ms, "until_ms": until_ms, "states": list(states)})

    def _again(self, webhook: str, body: dict[str, object]) -> int:
        found: SentAgain = self._read("POST", f"/v1/webhooks/{webhook}:send_again", SentAgain, json=body)
        return found.deliveries

    def _write(self, method: str, path: str, webhook: GivenWebhook, headers: dict[str, str] | None = None) -> ShownWebhook:
        content = msgspec.json.encode(webhook)
        found: ShownWebhook = self._read(method, path, ShownWebhook, content=content, headers=headers or {})
        return found
