"""Runs the deliveries of messages in a thread with an event loop of its own."""

import asyncio
import logging
import os
import secrets
import socket
import ssl
import threading
from collections.abc import Callable

from alerts.webhooks.addresses import networks
from alerts.webhooks.attempts import read_waits
from alerts.webhooks.delivery_line import Sending, Trouble
from alerts.webhooks.dispatcher import Dispatcher
from alerts.webhooks.tenure import LEASE_S, Tenure
from foundation.settings import Settings
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database
from stores.relational.leases import RelationalLeases

log = logging.getLogger(__name__)

STOP_SECONDS_MAX = 20.0
LEASE = "deliveries"
"""The lease that whoever delivers holds."""


class Delivering:
    """Delivers between `start` and `stop`.

    Args:
        settings: say where messages may go.
        database: of webhooks and deliveries.
        now_ms: the clock, ms since the epoch.
        lease_s: see `alerts.webhooks.tenure.Tenure`.

    Raises:
        Refusal: a setting is wrong.
    """

    def __init__(self, settings: Settings, database: Database, now_ms: Callable[[], int], lease_s: float = LEASE_S) -> None:
        self._sending = Sending(
            allowed=networks(settings.webhook_networks, "WEIR_WEBHOOK_NETWORKS"),
            is_plain_allowed=settings.webhook_plain == "accept",
            tls=ssl.create_default_context(cafile=settings.webhook_ca_file or None),
            timeout_s=settings.webhook_timeout_ms / 1_000,
            waits_ms=read_waits(settings.webhook_waits, "WEIR_WEBHOOK_WAITS"),
        )
        self._webhooks, self._deliveries = RelationalWebhooks(database), RelationalDeliveries(database)
        self._tenure = Tenure(RelationalLeases(database), LEASE, f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}", lease_s)
        self._now_ms = now_ms
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="deliveries")
        self._dispatcher: Dispatcher | None = None

    def start(self) -> None:
        """Begins to deliver."""
        self._task = self._loop.create_task(self._deliver())
        self._thread.start()

    def nudge(self) -> None:
        """Says that messages were written; from any thread.

        Raises:
            RuntimeError: an exception has ended the deliveries; the log has it.
        """
        self.require_running()
        self._loop.call_soon_threadsafe(self._nudge)

    def require_running(self) -> None:
        """Checks that deliveries are being made, so that a process in which they have ended does not live on.

        Raises:
            RuntimeError: an exception has ended them; the log has it.
        """
        if not self._thread.is_alive():
            raise RuntimeError("the deliveries have ended by an exception")

    def stop(self) -> None:
        """Ends after the attempts that are being made."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            log.info("deliveries have ended")
        finally:
            self._loop.close()

    async def _deliver(self) -> None:
        self._dispatcher = Dispatcher(self._webhooks, self._deliveries, self._tenure, self._sending, self._now_ms, _tell)
        await self._dispatcher.run()

    def _nudge(self) -> None:
        if self._dispatcher is not None:
            self._dispatcher.nudge()


def _tell(trouble: Trouble) -> None:
    what = "was disabled" if trouble.is_disabled else "fails for long"
    log.error("the webhook %s %s: %s", trouble.webhook.id, what, trouble.why)
