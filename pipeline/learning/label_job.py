"""The label job joins labels from Kafka with the decisions as served, and sends them to every entity that they concern.

It commits how far the labels are done once their results are acknowledged: never an offset behind a label that waits, and beside it which
labels behind that one are done. After a crash a label may be resolved twice whose result was not committed yet; its receivers recognise it
by its event.
"""

import logging
import time
from collections.abc import Iterable, Sequence

from confluent_kafka import KafkaException, TopicPartition

from foundation.settings import Settings
from pipeline.control.job_program import run_job
from pipeline.control.kafka import BATCH_MAX, SECONDS_MAX, ControlTopic, Outbox, consumer_of, partition_of, place_of, producer_of
from pipeline.control.kafka_access import wait_seconds_of, wake
from pipeline.control.topic_clients import TopicConsumer, TopicMessage
from pipeline.learning.label_progress import LabelProgress, read_progress
from pipeline.learning.label_record import LabelRecord
from pipeline.learning.label_resolver import LabelResolver
from pipeline.learning.resolved_records import Sent
from pipeline.sinks.decision_store import open_decisions_reader
from stores.decisions import Decisions

log = logging.getLogger(__name__)

REFRESH_SECONDS = 1.0
RETRY_SECONDS = 0.2
"""How often labels that wait for their decisions are looked at."""
SEND_SECONDS_MIN = 0.1
SEND_SECONDS_MAX = 10.0


class LabelJob:
    """Reads the labels topic in a consumer group of its own; several processes may share its partitions.

    Args:
        settings: name the broker and the topics, and say how long labels wait.
        decisions: the store of decisions as served; the job closes it at the end.
    """

    def __init__(self, settings: Settings, decisions: Decisions) -> None:
        self._settings = settings
        self._decisions = decisions
        self._consumer: TopicConsumer = consumer_of(settings, "label")
        self._outbox = Outbox(producer_of(settings))
        self._control = ControlTopic(settings)
        self._committed: dict[str, LabelProgress] = {}
        self._resumed: set[str] = set()
        self._paused = False
        self._stopping = False
        self.resolver = LabelResolver(decisions, self._control.definitions, settings.label_wait_ms, _monotonic_ms)

    def run(self) -> None:
        """Resolves labels until `stop` is called."""
        self._control.read_to_end(self.stopping)
        self._consumer.subscribe([self._settings.topic("labels")], on_revoke=self._revoked, on_lost=self._revoked)
        refreshed = time.monotonic()
        while not self._stopping:
            seconds = RETRY_SECONDS if self.resolver.waiting else wait_seconds_of(self._consumer)
            records = _records(self._consumer.consume(BATCH_MAX, seconds))
            if time.monotonic() - refreshed >= REFRESH_SECONDS:
                refreshed = time.monotonic()
                self._control.read_to_end(self.stopping)
            self._resume({record.place for record in records} - self._resumed)
            sent = self.resolver.take(records) if records else []
            sent += self.resolver.retry()
            if self._send(sent):
                self._commit()
            self._hold_back()
        self._consumer.close()
        self._control.close()
        self._decisions.close()
        done = self.resolver
        log.info("stopped: %d labels were resolved, %d were refused, %d still wait", done.resolved, done.refused, done.waiting)

    def stop(self) -> None:
        """Ends `run` after its current batch."""
        self._stopping = True
        wake(self._consumer)

    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def _resume(self, places: Iterable[str]) -> None:
        """Asks how far new partitions were done before. Without an answer labels may be resolved twice."""
        for place in places:
            self._resumed.add(place)
            try:
                [known] = self._consumer.committed([TopicPartition(*partition_of(place))], timeout=SECONDS_MAX)
            except KafkaException as error:
                log.warning("how far %s was done is not known, and labels may be resolved twice: %s", place, error)
                continue
            if known.offset >= 0:
                self.resolver.resume(place, read_progress(known.offset, known.metadata or ""))

    def _send(self, sent: list[Sent]) -> bool:
        """Writes all records, with retries after growing waits; returns False if it was told to stop before all were written."""
        wait_seconds = SEND_SECONDS_MIN
        while sent:
            try:
                for record in sent:
                    self._outbox.send(self._settings.topic(record.topic), record.key, record.value)
                self._outbox.flush()
                break
            except KafkaException as error:
                if self._stopping:
                    return False
                log.warning("%d records were not written; the next try is in %.1f s: %s", len(sent), wait_seconds, error)
                time.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, SEND_SECONDS_MAX)
        return True

    def _commit(self) -> None:
        done = self.resolver.done()
        changed = {place: progress for place, progress in done.items() if self._committed.get(place) != progress}
        if not changed:
            return
        try:
            offsets = [_commit_of(place, progress.written()) for place, progress in changed.items()]
            self._consumer.commit(offsets=offsets, asynchronous=False)
            self._committed |= changed
        except KafkaException as error:  # the process that has the partition now reads these labels again
            log.warning("the offsets of the labels were not committed: %s", error)

    def _hold_back(self) -> None:
        """Pauses reading while too many labels wait for a store that does not answer; labels on the topic are not lost."""
        if self.resolver.full == self._paused:
            return
        self._paused = self.resolver.full
        change = self._consumer.pause if self._paused else self._consumer.resume
        change(self._consumer.assignment())
        doing = "has stopped reading" if self._paused else "reads"
        log.warning("the job %s labels: %d labels wait for the store of decisions", doing, self.resolver.waiting)

    def _revoked(self, consumer: TopicConsumer, partitions: list[TopicPartition]) -> None:
        places = [f"{each.topic}/{each.partition}" for each in partitions]
        self.resolver.forget(places)
        for place in places:
            self._committed.pop(place, None)
            self._resumed.discard(place)


def _commit_of(place: str, progress: LabelProgress) -> TopicPartition:
    return TopicPartition(*partition_of(place), progress.offset, metadata=progress.text())


def _monotonic_ms() -> int:
    return int(time.monotonic() * 1000)


def _records(messages: Sequence[TopicMessage]) -> list[LabelRecord]:
    records = []
    for message in messages:
        if message.error():
            log.warning("the consumer of labels reports an error: %s", message.error())
            continue
        records.append(LabelRecord(place_of(message), message.offset() or 0, message.timestamp()[1], message.value() or b""))
    return records


def main() -> None:
    """Runs the job until SIGTERM or SIGINT."""
    run_job(lambda settings: LabelJob(settings, open_decisions_reader(settings)))


if __name__ == "__main__":
    main()
