"""Looks up in Kafka what a submission of the score job needs: where the topics end, and how far behind the job is."""

import contextlib
import time
import uuid
from dataclasses import dataclass

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from features.schema.decode import Decoder
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka import PROMPT, ControlTopic, Outbox, consumer_of, is_end, producer_of
from pipeline.engine.definitions.release import Release
from pipeline.wire.declaration import MODE_KEY

GROUP = "weir-score"
BEHIND_MIN = 1_000
"""Fewer records than this are no backlog: the job starts in arrival mode."""
ALIGNED_EVENTS = 50_000
"""While catching up no partition runs ahead of the slowest by more event time than so many events take on average."""
DRIFT_MS_LEAST = 60_000
_SECONDS_MAX = 30.0
_PROBE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Start:
    """Holds what one submission found in Kafka.

    Args:
        run: the name of the submission.
        release: the newest release on the control topic; its schema says how event time is read.
        event_time: whether to start in event_time mode.
        control_end, models_end: the offset after the last record.
        labels_ends, facts_ends: the same for each partition of labels-resolved, and of facts, that has records.
        backlog: the end of each partition of events that has records which were not read yet.
        drift_ms: how far partitions may be apart in event time while the job catches up; 0 means without limit.
    """

    run: str
    release: Release
    event_time: bool
    control_end: int
    models_end: int
    labels_ends: dict[int, int]
    facts_ends: dict[int, int]
    backlog: dict[int, int]
    drift_ms: int


def look(settings: Settings, mode: str = "auto") -> Start:
    """Reads the ends of topics, committed offsets, and the newest release.

    Args:
        mode: ``auto``, ``arrival`` or ``event_time``.

    Raises:
        Refusal: no release that compiles is on the control topic.
    """
    # Flink commits offsets under the bare name.
    consumer = consumer_of(
        settings, GROUP, **{"group.id": GROUP, "enable.partition.eof": True, "isolation.level": "read_uncommitted", **PROMPT}
    )
    try:
        control, models = (max(ends_of_records(consumer, settings.topic(name)).values(), default=0) for name in ("control", "models"))
        release = newest_release(settings)
        backlog = backlog_of(consumer, settings.topic("events"))
        behind = sum(end - first for first, end in backlog.values())
        event_time = mode == "event_time" or (mode == "auto" and behind >= BEHIND_MIN)
        ends = {partition: end for partition, (_, end) in backlog.items()} if event_time else {}
        drift_ms = drift_of(_times_ms(consumer, settings.topic("events"), backlog, release), behind) if event_time else 0
        labels, facts = (ends_of_records(consumer, settings.topic(name)) for name in ("labels-resolved", "facts"))
        return Start(uuid.uuid4().hex[:12], release, event_time, control, models, labels, facts, ends, drift_ms)
    finally:
        consumer.close()


def drift_of(times_ms: list[int], events: int) -> int:
    """Returns how far partitions may be apart, from the event times of the first and last records of a backlog of so many events.

    It is 0, so that nothing is held back, if no times are given.
    """
    if not times_ms:
        return 0
    return max(DRIFT_MS_LEAST, (max(times_ms) - min(times_ms)) * ALIGNED_EVENTS // max(events, 1))


def announce(settings: Settings, start: Start) -> None:
    """Writes to the control topic, under ``mode:<run>``, which partitions the run has to catch up with.

    With the marks ``mode:<run>:<partition>`` that follow, a reader knows whether the job works through old events.

    Raises:
        Refusal: the broker does not take the record.
    """
    outbox, control = Outbox(producer_of(settings)), settings.topic("control")
    outbox.send(control, f"{MODE_KEY}{start.run}".encode(), msgspec.json.encode(sorted(start.backlog)))
    try:
        outbox.flush()
    except KafkaException as error:
        raise Refusal("run not announced", where=control, expected="an acknowledgement of the broker", got=str(error)) from error


def newest_release(settings: Settings) -> Release:
    """Returns the newest release of the control topic that compiles.

    Raises:
        Refusal: no release compiles.
    """
    control = ControlTopic(settings)
    try:
        control.read_to_end()
    finally:
        control.close()
    newest = control.definitions.newest
    if newest is None:
        raise Refusal(
            "no release", where=settings.topic("control"), expected="a release that compiles", got="none", remedy="weir up --config DIR"
        )
    return newest


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    found = consumer.list_topics(topic, timeout=_SECONDS_MAX).topics[topic]
    if found.error or not found.partitions:
        raise Refusal("no such topic", where=topic, expected="a topic", got=str(found.error), remedy="weir up makes all topics")
    return sorted(found.partitions)


def ends_of_records(consumer: Consumer, topic: str) -> dict[int, int]:
    """Returns the offset after the last record of each partition that has records.

    Args:
        consumer: reports the end of a partition, and reads the same records as the sources of the job.
    """
    ends = {}
    for partition in _partitions(consumer, topic):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_SECONDS_MAX)
        end = _end_of_records(consumer, TopicPartition(topic, partition), low, high)
        if end > low:
            ends[partition] = end
    return ends


def _end_of_records(consumer: Consumer, place: TopicPartition, low: int, high: int) -> int:
    """Returns the offset after the last record before `high`, or `low` if there is no record from there on.

    The last offsets before an end may hold no record but the marker of a transaction, or what compaction took away. No reader is ever
    given these, and a job that waited for them would wait for ever.
    """
    back = 1
    while back // 16 < high - low:
        start = max(low, high - back)
        consumer.assign([TopicPartition(place.topic, place.partition, start)])
        last = _last_before(consumer, high)
        if last is not None:
            return last + 1
        back *= 16
    return low


def _last_before(consumer: Consumer, high: int) -> int | None:
    """Returns the offset of the last record before `high` that the consumer reads from its position on."""
    last = None
    until = time.monotonic() + _SECONDS_MAX
    while time.monotonic() < until:
        message = consumer.poll(1.0)
        if message is None or (message.error() and not is_end(message)):
            continue
        offset = message.offset() or 0
        if is_end(message) or offset >= high:
            return last
        last = offset
        if offset == high - 1:
            return last
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def _times_ms(consumer: Consumer, topic: str, backlog: dict[int, tuple[int, int]], release: Release) -> list[int]:
    """Returns the event times of the first and the last record of each partition; a bad or slow record is left out."""
    decode = Decoder(release.schema).decode
    found = []
    until = time.monotonic() + _PROBE_SECONDS
    for partition, (first, end) in backlog.items():
        for offset in {first, end - 1}:
            consumer.assign([TopicPartition(topic, partition, offset)])
            message = consumer.poll(max(0.0, until - time.monotonic()))
            if message is not None and not message.error():
                with contextlib.suppress(Refusal):
                    found.append(decode(message.value() or b"", message.timestamp()[1]).time_ms)
    return found


def backlog_of(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    """Returns (next offset, end) of each partition in which records wait; `consumer` is as for `ends_of_records`."""
    places = [TopicPartition(topic, partition) for partition in _partitions(consumer, topic)]
    ends = ends_of_records(consumer, topic)
    waiting = {}
    for place in consumer.committed(places, timeout=_SECONDS_MAX):
        low, _ = consumer.get_watermark_offsets(TopicPartition(topic, place.partition), timeout=_SECONDS_MAX)
        first, end = max(low, place.offset), ends.get(place.partition, 0)
        if end > first:
            waiting[place.partition] = (first, end)
    return waiting
