"""Delivers what waits in the outbox: to each webhook by a line of its own, so that a slow receiver holds up no other."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from alerts.webhooks.delivery_line import STORE_RETRY_S, DeliveryLine, Sending, Trouble
from alerts.webhooks.outcomes import Outcomes
from alerts.webhooks.tenure import Tenure
from stores.casework.deliveries import Deliveries
from stores.casework.webhooks import StoredWebhook, Webhooks
from stores.decisions import StoreUnavailableError

LOOKING_S = 0.25
"""How often webhooks with nothing to do are looked at; a message that this process adds is seen at once."""
WEBHOOKS_READ_S = 2.0


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
        self._outcomes = Outcomes(deliveries)
        self._tenure = tenure
        self._sending = sending
        self._now_ms = now_ms
        self._tell = tell
        self._lines: dict[str, DeliveryLine] = {}
        self._nudged = asyncio.Event()
        self._stepped = asyncio.Event()
        """Is set when it may have become the one that delivers, or has stopped looking for that."""

    def nudge(self) -> None:
        """Says that a message was added; called on the loop of `run`."""
        self._nudged.set()

    def is_delivering(self) -> bool:
        """Returns whether this dispatcher is the one that delivers."""
        return self._tenure.is_held()

    async def run(self) -> None:
        """Delivers. While the store does not answer nothing is sent, and it is asked again each second.

        When it is cancelled it keeps what comes of the attempts under way (see `DeliveryLine.end`), and only then lets another go on.
        """
        holding = asyncio.create_task(self._hold())
        holding.add_done_callback(lambda _: self._stepped.set())
        try:
            while not holding.done():
                if not self._tenure.is_held():
                    await self._end_lines()
                    await self._stepped.wait()
                    self._stepped.clear()
                    continue
                try:
                    await self._read_webhooks()
                    await self._wake_lines_for(WEBHOOKS_READ_S)
                except StoreUnavailableError:
                    await asyncio.sleep(STORE_RETRY_S)
            await holding  # raises what ended it
        finally:
            await self._end_lines()
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
            with contextlib.suppress(StoreUnavailableError):
                await asyncio.to_thread(self._tenure.give_up)

    async def _hold(self) -> None:
        """Keeps the lease beside all deliveries, which may take as long as receivers like."""
        while True:
            wait_s = STORE_RETRY_S
            with contextlib.suppress(StoreUnavailableError):
                wait_s = await asyncio.to_thread(self._step)
            self._stepped.set()
            await asyncio.sleep(wait_s)

    def _step(self) -> float:
        """Keeps the lease while there is somebody to deliver to: a system without webhooks writes nothing."""
        if any(webhook.wish.state == "enabled" for webhook in self._webhooks.all()):
            return self._tenure.step()
        self._tenure.give_up()
        return WEBHOOKS_READ_S

    async def _end_lines(self) -> None:
        lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            line.end()
        await asyncio.gather(*(line.task for line in lines), return_exceptions=True)

    async def _read_webhooks(self) -> None:
        """Starts and ends lines, so that each runs for the newest version of an enabled webhook, and begins after the one before it."""
        enabled = {webhook.id: webhook for webhook in await asyncio.to_thread(self._webhooks.all) if webhook.wish.state == "enabled"}
        for id, line in list(self._lines.items()):
            if line.task.done():
                del self._lines[id]
                await line.task  # raises what ended it, which no receiver can cause
            elif enabled.get(id) != line.webhook:
                line.end()
        for id, webhook in enabled.items():
            if id not in self._lines:
                self._lines[id] = self._line(webhook)

    def _line(self, webhook: StoredWebhook) -> DeliveryLine:
        stores = self._webhooks, self._deliveries, self._outcomes
        return DeliveryLine(webhook, *stores, self._tenure, self._sending, self._now_ms, self._tell)

    async def _wake_lines_for(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and self._tenure.is_held() and not any(line.task.done() for line in self._lines.values()):
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
