"""Delivers to one webhook what waits for it, in rounds.

A round takes the deliveries that are due, at most one a key, sends them side by side, and writes what came of them in one transaction. When
the process dies between the two, the deliveries are sent again with the same ids: receivers get each message at least once, and in the
order of its key.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from alerts.webhooks.addresses import Network
from alerts.webhooks.attempts import WAITS_MS, Verdict, what_follows
from alerts.webhooks.breaker import Breaker
from alerts.webhooks.outcomes import Outcomes
from alerts.webhooks.receiver import Resolve, read_receiver
from alerts.webhooks.sender import Answer, Sender
from alerts.webhooks.signing import sign
from alerts.webhooks.tenure import Tenure
from foundation.refusal import Refusal
from stores.casework.deliveries import Attempt, Deliveries, Delivery, DeliveryState, Settled
from stores.casework.webhooks import StoredWebhook, Webhooks
from stores.decisions import StoreUnavailableError

ROUND_MAX = 50
"""Deliveries of one round, and connections to one receiver."""
ENDING_S_MAX = 5.0
"""Attempts that are under way at the end are waited for so long; a process is killed 10 s after it was asked to end."""
STORE_RETRY_S = 1.0
DISABLED_AFTER_MS = 5 * 24 * 3_600_000
"""A receiver that only failed for so long is disabled, after its owner was told."""
TOLD_AFTER_MS = 6 * 3_600_000
_STATES: dict[Verdict, DeliveryState] = {
    Verdict.DELIVERED: "delivered",
    Verdict.RETRY: "pending",
    Verdict.DEAD: "dead",
    Verdict.GONE: "gone",
}


@dataclass(frozen=True)
class Sending:
    """Says how messages are sent.

    Args:
        allowed: networks that are not public, but may be reached.
        is_plain_allowed: whether receivers without TLS are, too.
        tls: which certificates are trusted.
        timeout_s: how long an attempt may take.
        waits_ms: the waits between attempts (see `alerts.webhooks.attempts`).
        resolve: gives the addresses of a name; None for the resolver of this machine.
        chance: gives random numbers of [0, 1).
    """

    allowed: Sequence[Network] = ()
    is_plain_allowed: bool = False
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    timeout_s: float = 15
    waits_ms: Sequence[int] = WAITS_MS
    resolve: Resolve | None = None
    chance: Callable[[], float] = random.random


class Trouble(msgspec.Struct, frozen=True):
    """Says that a webhook fails for long (`is_disabled` false), or was disabled because of it, so that somebody is told by another way."""

    webhook: StoredWebhook
    why: str
    is_disabled: bool


class DeliveryLine:
    """Delivers to one version of one webhook, in a task that begins with this object.

    Args:
        webhook: the version.
        webhooks, deliveries: the stores.
        outcomes: keeps what came of attempts, of all lines together.
        tenure: holds the lease; without it nothing is sent.
        sending: how messages are sent.
        now_ms: the clock.
        tell: is called with troubles, from a thread; what it raises ends the line.

    Attributes:
        awake: is set when a delivery may be due.
        task: ends after `end`, when the webhook was disabled, or with what `tell` raised.
    """

    def __init__(
        self,
        webhook: StoredWebhook,
        webhooks: Webhooks,
        deliveries: Deliveries,
        outcomes: Outcomes,
        tenure: Tenure,
        sending: Sending,
        now_ms: Callable[[], int],
        tell: Callable[[Trouble], None],
    ) -> None:
        self.webhook = webhook
        self.awake = asyncio.Event()
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._outcomes = outcomes
        self._tenure = tenure
        self._sending = sending
        self._now_ms = now_ms
        self._tell = tell
        self._breaker = Breaker()
        self._has_told = False
        self._is_disabled = self._is_ending = False
        self._attempts: list[asyncio.Task[Settled]] = []
        self.task = asyncio.create_task(self._run())

    def end(self) -> None:
        """Begins no further attempt, and gives up those that have no answer in `ENDING_S_MAX`; `task` ends when their outcomes are kept."""
        if not self._is_ending:
            self._is_ending = True
            self.awake.set()
            asyncio.get_running_loop().call_later(ENDING_S_MAX, self._give_up)

    def _give_up(self) -> None:
        for attempt in self._attempts:
            attempt.cancel()

    async def _run(self) -> None:
        since_ms = await asyncio.to_thread(self._deliveries.failing_since_ms, self.webhook.id)
        self._breaker = Breaker(failing_since_ms=since_ms)
        try:
            receiver = read_receiver(self.webhook.wish.url, "url", self._sending.is_plain_allowed)
        except Refusal as refusal:  # the settings have become stricter since it was made
            await self._disable(str(refusal))
            return
        sending = self._sending
        sender = Sender(receiver, sending.allowed, sending.tls, sending.timeout_s, sending.resolve, ROUND_MAX)
        try:
            while not (self._is_disabled or self._is_ending):
                await self.awake.wait()
                try:
                    if not await self._round(sender):
                        self.awake.clear()
                except StoreUnavailableError:
                    await asyncio.sleep(STORE_RETRY_S)
        finally:
            await sender.close()

    async def _round(self, sender: Sender) -> bool:
        """Whether there was something to send."""
        room = self._breaker.room(self._now_ms()) if self._tenure.is_held() else 0
        if room == 0:
            return False
        due = await asyncio.to_thread(self._deliveries.due, self.webhook.id, self._now_ms(), room or ROUND_MAX)
        if not due or self._is_ending:
            return False
        self._attempts = [asyncio.create_task(self._send(sender, delivery)) for delivery in due]
        await asyncio.wait(self._attempts)
        settled = [attempt.result() for attempt in self._attempts if not attempt.cancelled()]
        await self._outcomes.keep(settled)
        await self._judge(settled)
        return True

    async def _send(self, sender: Sender, delivery: Delivery) -> Settled:
        message, began_ms = delivery.message, self._now_ms()
        body = message.full if self.webhook.wish.form == "full" else message.thin
        headers = {
            "webhook-id": message.id,
            "webhook-timestamp": str(began_ms // 1_000),
            "webhook-signature": sign(self.webhook.keys, message.id, began_ms // 1_000, body),
        }
        answer = await sender.send(headers, body)
        return self._settled(delivery, answer, began_ms)

    def _settled(self, delivery: Delivery, answer: Answer, began_ms: int) -> Settled:
        ended_ms, number = self._now_ms(), delivery.attempts + 1
        of_round = number - delivery.attempts_before
        found = what_follows(answer.reply, of_round, ended_ms, self._sending.chance(), self._sending.waits_ms)
        attempt = Attempt(number, began_ms, max(0, ended_ms - began_ms), answer.reply.status, answer.fault, answer.excerpt)
        if found.verdict is Verdict.DELIVERED:
            self._breaker = self._breaker.succeeded()
        else:
            self._breaker = self._breaker.failed(ended_ms, found.at_ms if found.at_ms and found.is_slow_down else 0)
        due_at_ms = delivery.due_at_ms if found.at_ms is None else found.at_ms
        return Settled(delivery.number, delivery.webhook, attempt, _STATES[found.verdict], due_at_ms)

    async def _judge(self, settled: Sequence[Settled]) -> None:
        """Tells of a receiver that fails for long, and disables one that is gone or failed for too long."""
        if any(one.state == "gone" for one in settled):
            await self._disable("the receiver answered 410: it wants no message any more")
        since_ms = self._breaker.failing_since_ms
        if since_ms is None:
            self._has_told = False
            return
        last = settled[-1].attempt
        why = last.fault or f"the receiver answered {last.status}"
        if self._now_ms() - since_ms >= DISABLED_AFTER_MS:
            await self._disable(f"every attempt of {DISABLED_AFTER_MS // 86_400_000} days failed; the last one: {why}")
        elif self._now_ms() - since_ms >= TOLD_AFTER_MS and not self._has_told:
            self._has_told = True
            await asyncio.to_thread(self._tell, Trouble(self.webhook, why, is_disabled=False))

    async def _disable(self, why: str) -> None:
        self._is_disabled = True
        webhook = self.webhook
        disabled = msgspec.structs.replace(
            webhook,
            wish=msgspec.structs.replace(webhook.wish, state="disabled"),
            version=webhook.version + 1,
            changed_at_ms=self._now_ms(),
            why=why,
        )
        if await asyncio.to_thread(self._webhooks.replace, disabled):
            await asyncio.to_thread(self._tell, Trouble(disabled, why, is_disabled=True))
