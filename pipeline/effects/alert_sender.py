"""Sends alerts that stand in the store to the topic ``alerts``, each once.

The store holds an alert until it is sent. Whoever sends excludes all that did before, and then looks whether one of them has sent an alert
without noting it; so neither a killed process nor two of them send one twice.
"""

import logging
from collections.abc import Sequence

from confluent_kafka import KafkaException

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.sole_writer import SoleWriter
from pipeline.control.topic_values import values_of
from stores.effects import Alert, Effects

log = logging.getLogger(__name__)

TOPIC = "alerts"


class AlertSender:
    """Sends what the store has. Its calls block; it is for one thread.

    Args:
        settings: name the broker and the topic.
        store: of the alerts.
    """

    def __init__(self, settings: Settings, store: Effects) -> None:
        self._settings = settings
        self._store = store
        self._writer = SoleWriter(settings, TOPIC)
        self._began = False

    def send(self) -> None:
        """Sends all alerts that are not sent yet, unless the broker is away or another process has begun to: the store then still has them.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        alerts = self._store.alerts()
        if not alerts:
            return
        try:
            self._send(alerts)
        except (KafkaException, Refusal) as error:
            log.warning("%d alerts were not sent, and are tried again later: %s", len(alerts), error)
            self._began = False
            return
        self._store.alerts_sent([alert.id for alert in alerts])

    def close(self) -> None:
        """Closes the connections."""
        self._writer.close()

    def _send(self, alerts: Sequence[Alert]) -> None:
        sent: set[str] = set()
        if not self._began:
            self._writer.begin()
            self._began = True
            sent = self._found([alert.id for alert in alerts])
        left = [alert for alert in alerts if alert.id not in sent]
        if left:
            self._writer.commit((alert.key, alert.value) for alert in left)

    def _found(self, ids: Sequence[str]) -> set[str]:
        """Looks which of these alerts are on the topic already."""
        wanted = {id: id.encode() for id in ids}
        found = set[str]()
        for values in values_of(self._settings, TOPIC):
            found.update(id for value in values for id, raw in wanted.items() if raw in value)
        return found
