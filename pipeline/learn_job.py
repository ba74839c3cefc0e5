"""The learn job: decisions and labels in, snapshots out, beside the path of decisions.

It keeps its place in Kafka, in one record of the compacted topic ``learners``: offsets and the learners' arrays together, so
that after a crash nothing is taught twice. Vectors that wait for a label are not in it: they are read again.
"""

import logging
import signal
import time
from collections import deque
from collections.abc import Callable

import msgspec
import numpy as np
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from features.event import id_key_of
from pipeline.settings import Settings, read_settings
from pipeline.stages.definitions import Definitions
from pipeline.stages.labels import ResolvedLabel
from pipeline.teacher import ServedDecision, Teacher

log = logging.getLogger(__name__)

PUBLISH_SECONDS_MIN = 10.0
MARK_SECONDS = 60.0
BATCH_MAX = 2_000

Offsets = dict[str, int]


class Place(msgspec.Struct):
    """Where learning stood.

    Args:
        offsets: next record, by ``topic/partition``.
        refill: offsets from which the vectors that wait can be read again.
        clock_ms: greatest event time seen.
        sequence: of the last snapshots.
        states: what each learner needs to go on.
    """

    offsets: Offsets
    refill: Offsets
    clock_ms: int
    sequence: int
    states: dict[str, bytes]


class LearnJob:
    """One process that learns; a second one of the same system must not run beside it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer = Consumer(
            {"bootstrap.servers": settings.bootstrap, "group.id": "weir-learn", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        )
        self._producer = Producer({"bootstrap.servers": settings.bootstrap, "acks": "all", "message.max.bytes": 16_000_000})
        self._definitions = Definitions()
        self._definitions.watch(self._change)
        self._teacher = Teacher()
        self._offsets: Offsets = {}
        self._marks: deque[tuple[int, float, Offsets]] = deque()
        self._place = Place({}, {}, 0, 0, {})
        self._published_at = 0.0
        self._decisions = settings.topic("decisions")
        self._labels = settings.topic("labels-resolved")
        self._control = settings.topic("control")
        self._stopping = False

    def run(self) -> None:
        """Learns until `stop`."""
        self._read_to_end([self._control], self._take_control)
        self._read_to_end([self._settings.topic("learners")], self._take_place)
        self._teacher.resume(self._place.states, self._place.clock_ms)
        self._refill()
        self._assign([self._control, self._decisions, self._labels], self._offsets)
        while not self._stopping:
            self._take(self._consumer.consume(BATCH_MAX, 0.2))
            self._publish(time.monotonic())
        self._producer.flush(10)
        self._consumer.close()

    def stop(self) -> None:
        """Ends `run` after its current batch."""
        self._stopping = True

    def _refill(self) -> None:
        """Reads what still waited for labels when the place was kept, without teaching it."""
        self._offsets = dict(self._place.refill)
        self._assign([self._decisions, self._labels], self._offsets)
        ends = self._place.offsets
        while not self._stopping and any(self._offsets.get(name, 0) < end for name, end in ends.items() if name in self._offsets):
            messages = self._consumer.consume(BATCH_MAX, 1.0)
            if not messages:
                break
            self._take([message for message in messages if (message.offset() or 0) < ends.get(_name(message), 0)], refill=True)
        self._teacher.refilled()
        self._offsets.update(ends)

    def _take(self, messages: list[Message], refill: bool = False) -> None:
        decisions: list[ServedDecision] = []
        for message in messages:
            if message.error():
                log.warning("consumer: %s", message.error())
                continue
            self._offsets[_name(message)] = (message.offset() or 0) + 1
            value = message.value() or b""
            if message.topic() == self._control:
                self._take_control(message)
            elif message.topic() == self._decisions:
                decisions.append(msgspec.json.decode(value, type=ServedDecision))
            else:
                self._take_label(message, value)
        if decisions:
            id_keys = np.array([id_key_of(decision.event_id, self._integer_ids()) for decision in decisions], np.int64)
            self._teacher.decide(decisions, id_keys, refill)

    def _take_label(self, message: Message, value: bytes) -> None:
        release = self._definitions.newest
        kind = (message.key() or b"").partition(b"\0")[0].decode()
        if release is not None and kind == release.schema.user:
            self._teacher.label(msgspec.json.decode(value, type=ResolvedLabel))

    def _integer_ids(self) -> bool:
        release = self._definitions.newest
        return release is not None and release.schema.id_type == "integer"

    def _publish(self, now: float) -> None:
        """Publishes what is due by event time, not oftener than the clock allows, and keeps the place."""
        self._mark(now)
        sequence = self._teacher.due(self._place.sequence)
        if sequence is None or now - self._published_at < PUBLISH_SECONDS_MIN:
            return
        for snapshot in self._teacher.snapshots(sequence):
            self._producer.produce(self._settings.topic("models"), snapshot.encode(), snapshot.model)
        states = self._teacher.states(sequence)
        refill = self._marks[0][2] if self._marks else dict(self._offsets)
        self._place = Place(dict(self._offsets), refill, self._teacher.clock_ms, sequence, states)
        self._producer.produce(self._settings.topic("learners"), msgspec.msgpack.encode(self._place), "place")
        self._producer.flush(10)
        self._published_at = now

    def _mark(self, now: float) -> None:
        """Remembers offsets by event time, so that a restart reads no more than what can still be waiting."""
        release = self._definitions.newest
        keep_ms = 2 * release.schema.negative_after_ms if release else 0
        if not self._marks or now - self._marks[-1][1] >= MARK_SECONDS:
            self._marks.append((self._teacher.clock_ms, now, dict(self._offsets)))
        while len(self._marks) > 1 and self._marks[1][0] < self._teacher.clock_ms - keep_ms:
            self._marks.popleft()

    def _change(self) -> None:
        if self._definitions.newest is not None:
            self._teacher.change(self._definitions.newest)

    def _take_control(self, message: Message) -> None:
        self._definitions.take("c", (message.key() or b"").decode(), message.value() or b"")

    def _take_place(self, message: Message) -> None:
        self._place = msgspec.msgpack.decode(message.value() or b"", type=Place)

    def _read_to_end(self, topics: list[str], take: Callable[[Message], None]) -> None:
        left = self._assign(topics, {})
        while left and not self._stopping:
            for message in self._consumer.consume(BATCH_MAX, 0.5):
                if not message.error():
                    take(message)
                    self._offsets[_name(message)] = (message.offset() or 0) + 1
            positions = self._consumer.position([TopicPartition(*_split(name)) for name in left])
            reached = {f"{at.topic}/{at.partition}" for at in positions if at.offset >= left[f"{at.topic}/{at.partition}"]}
            left = {name: end for name, end in left.items() if name not in reached}

    def _assign(self, topics: list[str], offsets: Offsets) -> Offsets:
        """Reads `topics` from `offsets` (else their beginning); gives the end of each partition that has records."""
        places, ends = [], {}
        for topic in topics:
            for partition in self._consumer.list_topics(topic, timeout=30).topics[topic].partitions:
                low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
                name = f"{topic}/{partition}"
                places.append(TopicPartition(topic, partition, max(low, offsets.get(name, low))))
                if high > low:
                    ends[name] = high
        self._consumer.assign(places)
        return ends


def _name(message: Message) -> str:
    return f"{message.topic()}/{message.partition()}"


def _split(name: str) -> tuple[str, int]:
    topic, _, partition = name.rpartition("/")
    return topic, int(partition)


def main() -> None:
    """Runs the job until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    job = LearnJob(read_settings())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: job.stop())
    job.run()


if __name__ == "__main__":
    main()
