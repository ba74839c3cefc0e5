"""Delivers what waits in the outbox: to each webhook by a task of its own, so that a slow receiver holds up no other.

A task works in rounds: it takes the deliveries that are due, at most one a key, sends them side by side, and writes what came of them in
one transaction. When the process dies between the two, the deliveries are sent again with the same ids: receivers get each message at
least once, and in the order of its key.
"""

import asyncio
import contextlib
import random
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from alerts.webhooks.addresses import Network
from alerts.webhooks.attempts import WAITS_MS, Verdict, what_follows
from alerts.webhooks.breaker import Breaker
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
LOOKING_S = 0.25
"""How often webhooks with nothing to do are looked at; a message that this process adds is seen at once."""
WEBHOOKS_READ_S = 2.0
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


class Dispatcher:
    """Delivers until its task is cancelled, while it holds the lease: of several dispatchers one delivers.

    Args:
        webhooks, deliveries: the stores.
        tenure: holds the lease.
        sending: how messages are sent.
        now_ms: the clock.
        tell: is called with troubles, from a thread; what it raises ends the dispatcher.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        deliveries: Deliveries,
        tenure: Tenure,
        sending: Sending,
        now_ms: Callable[[], int],
        tell: Callable[[Trouble], None],
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._tenure = tenure
        self._sending = sending
        self._now_ms = now_ms
        self._tell = tell
        self._lines: dict[str, _Line] = {}
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Says that a message was added; called on the loop of `run`."""
        self._nudged.set()

    def is_delivering(self) -> bool:
        """Returns whether this dispatcher is the one that delivers."""
        return self._tenure.is_held()

    async def run(self) -> None:
        """Delivers. While the store does not answer nothing is sent, and it is asked again each second."""
        holding = asyncio.create_task(self._hold())
        try:
            while not holding.done():
                if not self._tenure.is_held():
                    await self._stop_lines()
                    await asyncio.sleep(LOOKING_S)
                    continue
                try:
                    await self._read_webhooks()
                    await self._wake_lines_for(WEBHOOKS_READ_S)
                except StoreUnavailableError:
                    await asyncio.sleep(STORE_RETRY_S)
            await holding  # raises what ended it
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
            await self._stop_lines()
            with contextlib.suppress(StoreUnavailableError):
                await asyncio.to_thread(self._tenure.give_up)

    async def _hold(self) -> None:
        """Keeps the lease beside all deliveries, which may take as long as receivers like."""
        while True:
            wait_s = STORE_RETRY_S
            with contextlib.suppress(StoreUnavailableError):
                wait_s = await asyncio.to_thread(self._step)
            await asyncio.sleep(wait_s)

    def _step(self) -> float:
        """Keeps the lease while there is somebody to deliver to: a system without webhooks writes nothing."""
        if any(webhook.wish.state == "enabled" for webhook in self._webhooks.all()):
            return self._tenure.step()
        self._tenure.give_up()
        return WEBHOOKS_READ_S

    async def _stop_lines(self) -> None:
        lines, self._lines = list(self._lines.values()), {}
        await asyncio.gather(*(line.stop() for line in lines))

    async def _read_webhooks(self) -> None:
        """Starts and ends lines, so that each runs for the newest version of an enabled webhook."""
        enabled = {webhook.id: webhook for webhook in await asyncio.to_thread(self._webhooks.all) if webhook.wish.state == "enabled"}
        for id, line in list(self._lines.items()):
            if line.task.done():
                del self._lines[id]
                await line.task  # raises what ended it, which no receiver can cause
            elif enabled.get(id) != line.webhook:
                await self._lines.pop(id).stop()
        for id, webhook in enabled.items():
            if id not in self._lines:
                self._lines[id] = _Line(webhook, self._webhooks, self._deliveries, self._tenure, self._sending, self._now_ms, self._tell)

    async def _wake_lines_for(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and self._tenure.is_held():
            now_ms = self._now_ms()
            idle = [id for id, line in self._lines.items() if not line.awake.is_set()]
            for id in await asyncio.to_thread(self._deliveries.waiting, idle, now_ms) if idle else ():
                if id in self._lines:
                    self._lines[id].awake.set()
            self._nudged.clear()
            # `asyncio.wait_for` of this Python swallows a cancellation that comes together with what it waits for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOKING_S):
                    await self._nudged.wait()


class _Line:
    """Delivers to one version of one webhook."""

    def __init__(
        self,
        webhook: StoredWebhook,
        webhooks: Webhooks,
        deliveries: Deliveries,
        tenure: Tenure,
        sending: Sending,
        now_ms: Callable[[], int],
        tell: Callable[[Trouble], None],
    ) -> None:
        self.webhook = webhook
        self.awake = asyncio.Event()
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._tenure = tenure
        self._sending = sending
        self._now_ms = now_ms
        self._tell = tell
        self._breaker = Breaker()
        self._has_told = False
        self._is_disabled = False
        self.task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

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
            while not self._is_disabled:
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
        if not due:
            return False
        settled = await asyncio.gather(*(self._send(sender, delivery) for delivery in due))
        await asyncio.to_thread(self._deliveries.settle, settled)
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
