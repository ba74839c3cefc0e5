"""Tells the Alertmanager that the settings name of alerts, every 30 s, in a thread of its own."""

import functools
import logging
import threading
from collections.abc import Callable

import httpx

from alerts.alertmanager.notifier import Notifier
from alerts.webhooks.troubles import webhook_troubles
from foundation.settings import Settings
from stores.casework.alerts import Alerts
from stores.casework.deliveries import Deliveries
from stores.casework.webhooks import Webhooks
from stores.decisions import StoreUnavailableError

log = logging.getLogger(__name__)

PERIOD_MS = 30_000
TIMEOUT_SECONDS = 10.0


class TellingAlertmanager:
    """Tells between `start` and `stop`; without an Alertmanager in the settings it does nothing.

    Args:
        settings: name the Alertmanager.
        alerts, webhooks, deliveries: the stores.
        now_ms: the clock, ms since the epoch.
    """

    def __init__(self, settings: Settings, alerts: Alerts, webhooks: Webhooks, deliveries: Deliveries, now_ms: Callable[[], int]) -> None:
        self._url = settings.alertmanager_url
        self._cases = f"{settings.console_address()}/cases/"
        self._alerts = alerts
        self._troubles = functools.partial(webhook_troubles, webhooks, deliveries)
        self._now_ms = now_ms
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alertmanager")

    def start(self) -> None:
        """Begins to tell."""
        if self._url:
            self._thread.start()

    def stop(self) -> None:
        """Ends after the request that is being made."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2 * TIMEOUT_SECONDS)

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=TIMEOUT_SECONDS, trust_env=False) as http:
            notifier = Notifier(self._alerts, http, PERIOD_MS, self._cases, self._troubles)
            while not self._stopping.is_set():
                try:
                    notifier.tell(self._now_ms())
                except StoreUnavailableError as error:
                    log.warning("Alertmanager is told later: %s", error)
                self._stopping.wait(PERIOD_MS / 1_000)
