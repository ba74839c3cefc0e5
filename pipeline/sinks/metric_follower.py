"""A thread copies the topic ``metrics`` into DuckDB, in the process that answers queries from it."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import duckdb
import msgspec
from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from foundation.age_clock import AgeClock
from foundation.settings import Settings
from pipeline.control.kafka import SECONDS_MAX, UNHURRIED, consumer_of, partition_of, place_of
from pipeline.control.kafka_access import wait_seconds_of, wake
from pipeline.control.topic_clients import TopicConsumer, TopicMessage
from pipeline.engine.isolation import Aside, NoRecordsFaultError, one_by_one
from stores.metrics.duckdb_metrics import DuckDbMetrics
from stores.metrics.metric_rows import MINUTE_MS, MetricRow
from stores.metrics.metrics import MetricsUnavailableError

log = logging.getLogger(__name__)

BATCH_MAX = 2_000
WAIT_SECONDS = 1.0
TIDY_SECONDS = 600.0
AGE = "metrics.age"
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_decode = msgspec.json.Decoder(MetricRow).decode


class MetricFollower:
    """Adds each record of the topic exactly once: it writes rows and the next offset in one transaction, and restarts from that offset.

    Args:
        store: takes the rows; nothing else may add rows to it.
        settings: name the broker and the topic, and say how many days metrics are kept.
        clock: gives seconds since the epoch.
    """

    def __init__(self, store: DuckDbMetrics, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._settings = settings
        self._age = AgeClock(settings.path(AGE), clock)
        self._stopping = threading.Event()
        self._consumer: TopicConsumer | None = None
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._touched: set[int] = set()
        self._tidied = time.monotonic()
        self.aside = Aside("row of metrics")
        self.problem = "not read yet"
        """Says why the topic is not read now; it is empty while the topic is read."""

    def start(self) -> None:
        """Starts the thread, which reads until `close`; it waits for a broker or a store that does not answer."""
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; the store stays open."""
        self._stopping.set()
        if (consumer := self._consumer) is not None:
            wake(consumer)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Rows of an aborted transaction do not count, so only committed ones are read.
            self._consumer = consumer = consumer_of(self._settings, "metrics", **UNHURRIED, **{"isolation.level": "read_committed"})
            try:
                self._follow(consumer)
            except Exception as error:  # any error: the thread must live as long as the process
                self.problem = str(error)
                log.warning(
                    "the topic of metrics is not read; the next try is in %.1f s: %s: %s", WAIT_SECONDS, type(error).__name__, error
                )
                self._stopping.wait(WAIT_SECONDS)
            finally:
                consumer.close()

    def _follow(self, consumer: TopicConsumer) -> None:
        topic = self._settings.topic("metrics")
        found = consumer.list_topics(topic, timeout=SECONDS_MAX).topics[topic]
        if found.error:
            raise KafkaException(found.error)
        known = self._store.offsets()
        places = [f"{topic}/{number}" for number in found.partitions]
        consumer.assign([TopicPartition(*partition_of(place), known.get(place, OFFSET_BEGINNING)) for place in places])
        self.problem = ""
        while not self._stopping.is_set():
            self._take(consumer.consume(BATCH_MAX, wait_seconds_of(consumer)))
            if time.monotonic() - self._tidied > TIDY_SECONDS:
                self.tidy()

    def _take(self, messages: Sequence[TopicMessage]) -> None:
        for message in messages:
            error = message.error()
            if error:
                raise KafkaException(error)
        placed = [(place_of(message), message.offset() or 0, message) for message in messages]
        rows = list(self.aside.each(placed, lambda message: (message, _decode(message.value() or b""))))
        if rows:
            one_by_one(rows, self._add, lambda: None, self._pass_over)
        if placed:
            self._store.add([], {place: offset + 1 for place, offset, _ in placed})

    def _add(self, read: Sequence[tuple[TopicMessage, MetricRow]]) -> None:
        """Adds rows and the offsets behind them in one transaction."""
        rows = [row for _, row in read]
        try:
            self._store.add(rows, {place_of(message): (message.offset() or 0) + 1 for message, _ in read})
        except (duckdb.DataError, duckdb.IntegrityError):  # one of the rows is at fault
            raise
        except (duckdb.Error, MetricsUnavailableError) as error:
            raise NoRecordsFaultError(str(error)) from error
        self._touched.update(row.time // HOUR_MS for row in rows)

    def _pass_over(self, read: tuple[TopicMessage, MetricRow], error: Exception) -> None:
        self.aside.put(place_of(read[0]), read[0].offset() or 0, error)

    def tidy(self) -> None:
        """Merges the rows of each hour that rows were added to, and drops rows older than `metrics_kept_days`."""
        for hour in sorted(self._touched):
            self._store.fold(hour * HOUR_MS, (hour + 1) * HOUR_MS)
        self._touched.clear()
        self._store.forget(self._age.now_ms() - self._settings.metrics_kept_days * DAY_MS)
        self._tidied = time.monotonic()
