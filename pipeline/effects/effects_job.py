"""The effects job makes of decisions what rules do outside of them: entries on lists, counts, and budgets that are exceeded.

It keeps how far it has read in the transaction in which it writes what follows. So a process that is killed loses and doubles nothing, and
of several processes one writes, while the others find that it did and wait until it no longer does.
"""

import logging
import threading
import time
from collections.abc import Callable

from foundation.settings import Settings
from pipeline.control.job_program import run_job
from pipeline.control.kafka import UNHURRIED, consumer_of, gathered
from pipeline.control.kafka_access import wait_seconds_of, wake
from pipeline.control.one_reader import places_from, work_as_one_reader
from pipeline.control.topic_clients import TopicConsumer
from pipeline.control.transaction_size import TransactionSize
from pipeline.effects.alert_sender import AlertSender
from pipeline.effects.digest import Digest
from stores.effects import DAY_MS, Effects
from stores.relational.database import Database
from stores.relational.effects import RelationalEffects
from stores.relational.place import place_of as place_of_database

log = logging.getLogger(__name__)

PACE_SECONDS = 0.5
"""What came in this time is written together: each transaction waits for the disk."""
SEND_SECONDS = 5.0
"""How often alerts are looked for that were not sent, by this process or another. If they were tried again at once, two processes that both
took themselves for the one at work would exclude each other for as long as both ran."""
RECORDS_AT_ONCE = 20_000
FORGET_SECONDS = 60.0
FORGET_TIMES = 40
ROWS_AT_ONCE = 500
MATCHES_MAX = 2_000_000
"""So many matches are known by their events; beyond it those of the busiest rule are forgotten, and their labels count no more."""


class EffectsJob:
    """Reads decisions and resolved labels, and writes what follows.

    Args:
        settings: name the broker, the topics, and how long counts are kept.
        store: of the effects.
        clock: seconds since the epoch.
        close: lets the store go at the end.
    """

    def __init__(
        self, settings: Settings, store: Effects, clock: Callable[[], float] = time.time, close: Callable[[], None] = lambda: None
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._close = close
        self._consumer: TopicConsumer = consumer_of(settings, "effects", **UNHURRIED)
        self._topics = [settings.topic(name) for name in ("decisions", "labels-resolved")]
        self._sender = AlertSender(settings, store)
        self._size = TransactionSize(RECORDS_AT_ONCE)
        self._stopping = threading.Event()
        self._forgot_at = 0.0
        self._sent_at = 0.0
        self._to_send = True
        self.written = 0

    def run(self) -> None:
        """Works until `stop` is called."""
        work_as_one_reader("effects", self._work, self._store.positions, self._stopping)
        self._consumer.close()
        self._sender.close()
        self._close()
        log.info("stopped: %d records were written", self.written)

    def stop(self) -> None:
        """Ends `run` after its current batch."""
        self._stopping.set()
        wake(self._consumer)

    def _work(self) -> None:
        """Goes on from where the store says.

        Raises:
            OtherReaderError: another process has gone on from there.
            StoreUnavailableError: the store does not answer.
            KafkaException: the broker does not.
        """
        positions, newest_ms = self._store.positions(), self._store.newest_ms()
        self._consumer.assign(places_from(self._consumer, self._topics, positions))
        while not self._stopping.is_set():
            digest = Digest(positions, newest_ms, self._topics[0])
            for messages in gathered(self._consumer, self._size.records, wait_seconds_of(self._consumer)):
                digest.take(messages)
            is_behind = digest.records >= self._size.records
            if digest.records:
                began = time.monotonic()
                self._to_send = self._store.apply(digest.work, self._now_ms()) or self._to_send
                self._size.took(digest.records, time.monotonic() - began)
                positions, newest_ms = digest.work.progress.positions, digest.work.newest_ms
                self.written += digest.records
            if self._to_send or time.monotonic() - self._sent_at >= SEND_SECONDS:
                self._sent_at = time.monotonic()
                self._to_send = False
                self._sender.send()
            self._forget(newest_ms)
            if digest.records and not is_behind:
                self._stopping.wait(PACE_SECONDS)

    def _forget(self, newest_ms: int) -> None:
        if time.monotonic() - self._forgot_at < FORGET_SECONDS:
            return
        self._forgot_at = time.monotonic()
        before_ms = newest_ms - self._settings.rule_counts_kept_days * DAY_MS
        for _ in range(FORGET_TIMES):
            if self._stopping.is_set() or not self._store.forget(before_ms, MATCHES_MAX, ROWS_AT_ONCE):
                return

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def make(settings: Settings) -> EffectsJob:
    """The job of the system that `settings` name, with a store of its own.

    Raises:
        Refusal: the store cannot be opened.
    """
    database = Database(place_of_database(settings), patient=True)
    return EffectsJob(settings, RelationalEffects(database), close=database.close)


def main() -> None:
    """Runs the job until SIGTERM or SIGINT."""
    run_job(make)


if __name__ == "__main__":
    main()
