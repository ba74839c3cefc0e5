"""The alerts job makes alerts of decisions, and tells receivers of them.

It keeps alerts, and how far it has read, in one transaction with the messages that tell of them. So a process that is killed loses and
doubles nothing; of several processes one writes, while the others find that it did and wait until it no longer does. Deliveries are made
beside that, by the process that holds the lease of them.
"""

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from alerts.keeping.alert_keeper import AlertKeeper
from alerts.keeping.case_teller import CaseTeller
from alerts.keeping.hold_keeper import HoldKeeper
from alerts.policy.decided_event import DecidedEvent
from alerts.policy.standing_kinds import with_standing
from foundation.settings import Settings
from patterns.hold_policy import HoldPolicy
from pipeline.alerting.decided_events import DecidedEvents
from pipeline.alerting.delivering import Delivering
from pipeline.alerting.telling_alertmanager import TellingAlertmanager
from pipeline.control.job_program import run_job
from pipeline.control.kafka import UNHURRIED, ControlTopic, consumer_of, gathered, place_of
from pipeline.control.kafka_access import wait_seconds_of, wake
from pipeline.control.one_reader import places_from, work_as_one_reader
from pipeline.control.topic_clients import TopicConsumer, TopicMessage
from pipeline.control.transaction_size import TransactionSize
from pipeline.engine.definitions.release import Release
from pipeline.engine.isolation import Aside
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.holds import RelationalHolds
from stores.relational.casework.notes import RelationalNotes
from stores.relational.casework.snoozes import RelationalSnoozes
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.commits import Commits
from stores.relational.database import Database
from stores.relational.place import place_of as place_of_database

log = logging.getLogger(__name__)

PACE_SECONDS = 0.2
"""What came in this time is written together: each transaction waits for the disk."""
RELEASE_SECONDS = 1.0
RECORDS_AT_ONCE = 5_000
FORGET_SECONDS = 60.0
FORGET_FOR_SECONDS = 2.0
FORGET_AT_ONCE = 200
"""Whatever is too old goes in small transactions, for a while each minute, so that nobody else who writes waits for long."""
DAY_MS = 86_400_000
CONTROL_SECONDS = 1.0
"""So often releases are looked for."""


class _Batch(msgspec.Struct):
    """Holds decisions that are kept in one transaction.

    Args:
        decided: those that could be read.
        places: the offset behind the batch, by ``topic/partition``.
        records: how many records were read, those included that cannot be read as decisions.
    """

    decided: list[DecidedEvent] = []
    places: dict[str, int] = {}
    records: int = 0


class AlertsJob:
    """Reads decisions and what rules tell beside them, keeps alerts, and runs the deliveries beside.

    Args:
        settings: name the broker, the topics, and where messages may go.
        database: of alerts, webhooks and deliveries; the job closes it at the end.
        clock: seconds since the epoch.
    """

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._alerts, self._webhooks, self._holds = RelationalAlerts(database), RelationalWebhooks(database), RelationalHolds(database)
        self._cases = RelationalCases(database)
        self._commits = Commits(place_of_database(settings))
        self._case_teller = CaseTeller(self._cases, self._webhooks, self._commits.number)
        self._consumer: TopicConsumer = consumer_of(settings, "alerts", **UNHURRIED)
        self._control = ControlTopic(settings)
        self._delivering = Delivering(settings, database, self._now_ms)
        self._telling = TellingAlertmanager(settings, self._alerts, self._webhooks, RelationalDeliveries(database), self._now_ms)
        self._topics = [settings.topic(name) for name in ("decisions", "alerts")]
        self._aside = Aside("decision or alert")
        self._size = TransactionSize(RECORDS_AT_ONCE)
        self._stopping = threading.Event()
        self._looked_at = self._forgot_at = 0.0
        self.read = self.written = 0

    def run(self) -> None:
        """Works until `stop` is called."""
        self._delivering.start()
        self._telling.start()
        try:
            work_as_one_reader("alerts", self._keep_alerts, self._alerts.positions, self._stopping)
        finally:
            self._telling.stop()
            self._delivering.stop()
            self._consumer.close()
            self._control.close()
            self._commits.close()
            self._database.close()
        log.info("stopped: %d decisions were read, %d messages written", self.read, self.written)

    def stop(self) -> None:
        """Ends `run` after its current batch."""
        self._stopping.set()
        wake(self._consumer)

    def _keep_alerts(self) -> None:
        """Goes on from where the store says, and begins anew when the release in force has other kinds of alerts.

        Raises:
            OtherReaderError: another process has gone on from there.
            StoreUnavailableError: the store does not answer.
            KafkaException: the broker does not.
        """
        keeper: AlertKeeper | None = None
        hold: HoldPolicy | None = None
        reading: DecidedEvents | None = None
        while not self._stopping.is_set():
            self._look_for_releases()
            release = self._control.definitions.newest
            if release is None:
                self._stopping.wait(RELEASE_SECONDS)
                continue
            definitions = with_standing(release.alerts)
            if keeper is None or (keeper.definitions, keeper.policy, hold) != (definitions, release.cases, release.policy.hold):
                hold = release.policy.hold
                keeper = self._keeper(release)
                self._consumer.assign(places_from(self._consumer, self._topics, keeper.positions))
            if reading is None or reading.release is not release:
                reading = DecidedEvents(release)
            batch = self._gather(reading)
            is_behind = batch.records >= self._size.records
            self._keep(keeper, batch)
            self._forget(self._now_ms())
            if batch.records and not is_behind:
                self._stopping.wait(PACE_SECONDS)

    def _keep(self, keeper: AlertKeeper, batch: _Batch) -> None:
        now_ms, began = self._now_ms(), time.monotonic()
        written = 0
        if batch.places:
            written = keeper.take(batch.decided, batch.places, now_ms)
            self._size.took(batch.records, time.monotonic() - began)
        written += keeper.tick(now_ms) + self._case_teller.tell(now_ms)
        self.written += written
        self.read += len(batch.decided)
        self._delivering.require_running()
        if written:
            self._delivering.nudge()

    def _keeper(self, release: Release) -> AlertKeeper:
        definitions, max_age_ms = with_standing(release.alerts), self._settings.alert_max_age_ms
        holds = HoldKeeper(self._holds, release.policy.hold)
        return AlertKeeper(self._alerts, self._webhooks, definitions, max_age_ms, holds, release.cases, RelationalSnoozes(self._database))

    def _gather(self, reading: DecidedEvents) -> _Batch:
        """Reads the decisions that are there; what cannot be read is logged and passed over."""
        batch = _Batch()
        for messages in gathered(self._consumer, self._size.records, wait_seconds_of(self._consumer)):
            batch.places |= {place_of(message): (message.offset() or 0) + 1 for message in messages}
            batch.records += len(messages)
            found = self._aside.each(map(_placed, messages), lambda record: self._read(reading, *record))
            batch.decided += [one for one in found if one is not None]
        return batch

    def _read(self, reading: DecidedEvents, topic: str, value: bytes) -> DecidedEvent | None:
        return reading.read(value) if topic == self._topics[0] else reading.read_alert(value)

    def _look_for_releases(self) -> None:
        if time.monotonic() - self._looked_at >= CONTROL_SECONDS:
            self._control.read_to_end(self._stopping.is_set)
            self._looked_at = time.monotonic()

    def _forget(self, now_ms: int) -> None:
        began = time.monotonic()
        if began - self._forgot_at < FORGET_SECONDS:
            return
        self._forgot_at = began
        alerts_before_ms = now_ms - self._settings.alerts_kept_days * DAY_MS
        deliveries_before_ms = now_ms - self._settings.deliveries_kept_days * DAY_MS
        kept: list[tuple[Callable[[int, int], int], int]] = [
            *((each.forget, alerts_before_ms) for each in (self._cases, self._alerts, self._holds, RelationalNotes(self._database))),
            (RelationalDeliveries(self._database).forget, deliveries_before_ms),
        ]
        for forget, before_ms in kept:
            while forget(before_ms, FORGET_AT_ONCE) == FORGET_AT_ONCE and time.monotonic() - began < FORGET_FOR_SECONDS:
                pass

    def _now_ms(self) -> int:
        return int(self._clock() * 1_000)


def _placed(message: TopicMessage) -> tuple[str, int, tuple[str, bytes]]:
    return place_of(message), message.offset() or 0, (message.topic(), message.value() or b"")


def make(settings: Settings) -> AlertsJob:
    """The job of the system that `settings` name.

    Raises:
        Refusal: the store cannot be opened, or a setting is wrong.
    """
    return AlertsJob(settings, Database(place_of_database(settings), patient=True))


def main() -> None:
    """Runs the job until SIGTERM or SIGINT."""
    run_job(make)


if __name__ == "__main__":
    main()
