"""Tells Alertmanager again and again which alerts fire, and which have ended.

What is told follows from the store alone, so that nothing has to be remembered: a process that begins anew, or another one, goes on. An
alert that is no longer told ends in Alertmanager by itself after four periods.
"""

import logging
from collections.abc import Callable, Sequence

import httpx

from alerts.alertmanager.alert_labels import posted_alert, posted_trouble
from alerts.webhooks.troubles import WebhookTrouble
from stores.casework.alerts import Alerts

log = logging.getLogger(__name__)

PERIODS_KEPT = 4
BATCH = 500


class Notifier:
    """Tells one Alertmanager. Its calls block; it is for one thread.

    Args:
        alerts: the store.
        http: sends to Alertmanager; its base URL is that of Alertmanager, such as ``http://127.0.0.1:9093``.
        period_ms: how often `tell` is called.
        cases: the URL of the page of a case, up to its id.
        troubles: gives the webhooks that get nothing at a time, ms since the epoch: Alertmanager is told of these, too.
    """

    def __init__(
        self,
        alerts: Alerts,
        http: httpx.Client,
        period_ms: int,
        cases: str,
        troubles: Callable[[int], Sequence[WebhookTrouble]] = lambda _: (),
    ) -> None:
        self._alerts = alerts
        self._troubles = troubles
        self._http = http
        self._period_ms = period_ms
        self._cases = cases

    def tell(self, now_ms: int) -> int:
        """Tells of all alerts that receivers were told of, and returns of how many; what fails is logged, and told in the next period.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        firing = [alert for alert in self._alerts.firing() if alert.tell_at_ms is not None and not alert.muted_by]
        ended = [alert for alert in self._alerts.resolved_since(now_ms - PERIODS_KEPT * self._period_ms) if alert.tell_at_ms is not None]
        links = {alert: self._cases + case for alert, case in self._alerts.cases_of([alert.id for alert in (*firing, *ended)]).items()}
        posted = [posted_alert(alert, now_ms + PERIODS_KEPT * self._period_ms, links.get(alert.id, "")) for alert in firing]
        posted += [posted_alert(alert, alert.resolved_at_ms or now_ms, links.get(alert.id, "")) for alert in ended]
        posted += [posted_trouble(trouble, now_ms + PERIODS_KEPT * self._period_ms) for trouble in self._troubles(now_ms)]
        return sum(len(batch) for batch in _batches(posted) if self._post(batch))

    def _post(self, batch: Sequence[dict[str, object]]) -> bool:
        """Whether Alertmanager took the batch. Of one that it answers with 400 it has taken all alerts but those at fault."""
        try:
            answer = self._http.post("/api/v2/alerts", json=batch)
        except httpx.HTTPError as error:
            log.warning("Alertmanager does not answer, and is told again in the next period: %s", error)
            return False
        if answer.status_code >= 400:
            log.warning("Alertmanager answered %d to %d alerts: %s", answer.status_code, len(batch), answer.text[:300])
        return answer.is_success


def _batches(posted: Sequence[dict[str, object]]) -> list[Sequence[dict[str, object]]]:
    return [posted[first : first + BATCH] for first in range(0, len(posted), BATCH)]
