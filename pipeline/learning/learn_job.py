"""The learn job reads decisions and labels and publishes snapshots of models; no decision waits for it.

It saves its progress in one record of the compacted topic ``learners``: offsets and the learners' arrays together, so that after a crash
no example is taught twice. The record does not hold the vectors that wait for a label: they are read again. It is written before
the snapshots are published. At each start the snapshots are published again; they are the same, since the arrays are.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
from confluent_kafka import KafkaException, TopicPartition

from detectors.snapshot import Snapshot, snapshot_key
from detectors.snapshot_parts import parts_of
from features.schema.event import id_key_of
from foundation.settings import Settings
from pipeline.comparison.newest_drift import DriftMeasure
from pipeline.comparison.unchanged import Unchanged
from pipeline.control.definitions import key_text
from pipeline.control.job_program import run_job
from pipeline.control.kafka import (
    BATCH_MAX,
    UNHURRIED,
    ControlTopic,
    Offsets,
    Outbox,
    consumer_of,
    ends_of,
    is_end,
    partition_of,
    place_of,
    producer_of,
    read_until,
)
from pipeline.control.kafka_access import wait_seconds_of, wake
from pipeline.control.topic_clients import TopicMessage
from pipeline.engine.isolation import Aside, one_by_one
from pipeline.engine.learners.label_learner import LabelLearner
from pipeline.learning.drift_watch import DriftWatch
from pipeline.learning.published_snapshots import PublishedSnapshots
from pipeline.learning.trained_elsewhere import TrainedElsewhere
from pipeline.learning.trainer import ServedDecision, Trainer
from pipeline.learning.training_requests import TrainingRequests
from pipeline.score_job.labels import ResolvedLabel
from pipeline.wire.declaration import ENTITY_SEPARATOR
from stores.jobs import QueueBounds
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.drifts import RelationalDrifts
from stores.relational.effects import RelationalEffects
from stores.relational.jobs import RelationalJobs
from stores.relational.place import place_of as place_of_database
from stores.relational.trained_models import RelationalTrainedModels
from stores.trained_models import TrainedModels

log = logging.getLogger(__name__)

PUBLISH_SECONDS_MIN = 10.0
LOOK_SECONDS = 5.0
"""How often is looked for models that were trained beside the stream, and for drift."""
MARKS_KEPT = 100
REPEATS_KEEP_MS = 600_000
"""If no vector waits for a label, decisions of this long in event time are read again after a restart, to recognise repeats."""


class Mark(msgspec.Struct, array_like=True):
    """Offsets by event time: no event before `offsets` has a time later than `clock_ms`, in ms since the epoch."""

    clock_ms: int
    offsets: Offsets


class Place(msgspec.Struct):
    """The saved progress of the learn job.

    Args:
        offsets: offset of the next record of each ``topic/partition``.
        marks: oldest first; all vectors that wait for labels lie behind the offsets of the first one.
        clock_ms: greatest event time seen when the last snapshots were made, in ms since the epoch.
        sequence: number of the last snapshots.
        states: the encoded state of each learner, by `Snapshot.key`.
    """

    offsets: Offsets
    marks: list[Mark]
    clock_ms: int
    sequence: int
    states: dict[str, bytes]


class LearnJob:
    """Trains the models of the release in force, in one process; no second one of the same system may run at the same time.

    Args:
        settings: name the broker and the topics.
        publish_seconds_min: the least time between two publications of snapshots.
        trained: the store of models that were trained beside the stream; None where there is none.
        requests: asks for trainings; None where nobody does them.
        drift: measures what drifts; None where nothing does.
        close: lets the stores go at the end.
    """

    def __init__(
        self,
        settings: Settings,
        publish_seconds_min: float = PUBLISH_SECONDS_MIN,
        trained: TrainedModels | None = None,
        requests: TrainingRequests | None = None,
        drift: DriftWatch | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._trained = None if trained is None else TrainedElsewhere(trained)
        self._requests = requests
        self._drift = drift
        self._looked_at = -LOOK_SECONDS
        self._close = close
        self._publish_seconds_min = publish_seconds_min
        self._consumer = consumer_of(settings, "learn", **UNHURRIED, **{"enable.partition.eof": True})
        self._outbox = Outbox(producer_of(settings))
        self._control = ControlTopic(settings)
        self._control.definitions.watch(self._change)
        self.trainer = Trainer()
        self.aside = Aside("decision or label")
        self._offsets: Offsets = {}
        self._place = Place({}, [], 0, 0, {})
        self._published_at = 0.0
        self._decisions = settings.topic("decisions")
        self._labels = settings.topic("labels-resolved")
        self._learners = settings.topic("learners")
        self._models = settings.topic("models")
        self._published = PublishedSnapshots()
        self._stopping = False

    def run(self) -> None:
        """Learns until `stop` is called."""
        self._control.read_to_end(self.stopping)
        read_until(self._consumer, {}, ends_of(self._consumer, [self._learners]), self._take_place, self.stopping)
        read_until(self._consumer, {}, ends_of(self._consumer, [self._models]), self._note_published, self.stopping)
        self._resume()
        starts = {place: self._offsets.get(place, 0) for place in ends_of(self._consumer, [self._decisions, self._labels])}
        self._consumer.assign([TopicPartition(*partition_of(place), offset) for place, offset in starts.items()])
        while not self._stopping:
            messages = self._consumer.consume(BATCH_MAX, wait_seconds_of(self._consumer))
            self._control.read_to_end(self.stopping)  # first, because a release that has decided them may have come since the last look
            self._take(messages)
            self._publish(time.monotonic())
            self._look_beside(time.monotonic())
        self._consumer.close()
        self._control.close()
        self._close()

    def stop(self) -> None:
        """Ends `run` after its current batch."""
        self._stopping = True
        wake(self._consumer)

    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def _resume(self) -> None:
        """Continues from the saved progress: reads again the vectors that waited for labels, without teaching them."""
        place = self._place
        self.trainer.resume(place.states, place.clock_ms)
        if not place.offsets:
            return
        starts = place.marks[0].offsets if place.marks else place.offsets
        for topic in (self._decisions, self._labels):  # vectors come first: a label before its vector would add the vector a second time
            ends = {name: end for name, end in place.offsets.items() if partition_of(name)[0] == topic}
            read_until(self._consumer, starts, ends, self._take_again, self.stopping)
        self.trainer.refilled()
        self._offsets = dict(place.offsets)
        if not self._stopping:
            self._send_snapshots(place.sequence)

    def _take_again(self, messages: Sequence[TopicMessage]) -> None:
        self._take(messages, refill=True)

    def _take(self, messages: Sequence[TopicMessage], refill: bool = False) -> None:
        good: list[tuple[str, int, TopicMessage]] = []
        for message in messages:
            if message.error():
                if not is_end(message):
                    log.warning("the consumer of decisions and labels reports an error: %s", message.error())
                continue
            self._offsets[place_of(message)] = (message.offset() or 0) + 1
            good.append((place_of(message), message.offset() or 0, message))
        decisions = [each for each in self.aside.each(good, self._decision_in) if each is not None]
        if decisions:
            one_by_one(decisions, lambda some: self._decide(some, refill), lambda: None, self._unlearnable)

    def _decision_in(self, message: TopicMessage) -> tuple[TopicMessage, ServedDecision] | None:
        """Decodes a decision; takes in a label at once and returns None for it."""
        if message.topic() == self._decisions:
            return message, msgspec.json.decode(message.value() or b"", type=ServedDecision)
        self._take_label(message)
        return None

    def _decide(self, decisions: Sequence[tuple[TopicMessage, ServedDecision]], refill: bool) -> None:
        id_keys = np.array([self._id_key(decision.event_id) for _, decision in decisions], np.int64)
        self.trainer.decide([decision for _, decision in decisions], id_keys, refill)

    def _unlearnable(self, decision: tuple[TopicMessage, ServedDecision], error: Exception) -> None:
        self.aside.put(place_of(decision[0]), decision[0].offset() or 0, error)

    def _take_label(self, message: TopicMessage) -> None:
        release = self._control.definitions.newest
        kind = (message.key() or b"").partition(ENTITY_SEPARATOR.encode())[0].decode()
        if release is not None and kind == release.schema.user:
            self.trainer.label(msgspec.json.decode(message.value() or b"", type=ResolvedLabel))

    def _id_key(self, event_id: str) -> int:
        release = self._control.definitions.newest
        try:
            return id_key_of(event_id, release is not None and release.schema.id_type == "integer")
        except ValueError:  # the event was decided before the schema declared integer ids
            return id_key_of(event_id, False)

    def _publish(self, now: float) -> None:
        """Publishes the snapshots that are due by event time, at most once in `publish_seconds_min`; saves the progress first."""
        self._mark()
        sequence = self.trainer.due(self._place.sequence, self._place.clock_ms)
        if sequence is None or now - self._published_at < self._publish_seconds_min:
            return
        self.trainer.advance()
        states = self.trainer.states(sequence)
        self._place = Place(dict(self._offsets), self._place.marks, self.trainer.clock_ms, sequence, states)
        self._published_at = now
        self._outbox.send(self._learners, b"place", msgspec.msgpack.encode(self._place))
        self._flush()
        self._send_snapshots(sequence)

    def _look_beside(self, now: float) -> None:
        """Publishes what was trained beside the stream since the last look, looks what drifts, and asks for trainings that are due."""
        release = self._control.definitions.newest
        if release is None or now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        clock_ms, now_ms = self.trainer.clock_ms, int(time.time() * 1_000)
        drifting = {} if self._drift is None or not clock_ms else self._drift.look(release, clock_ms, now_ms, now)
        if self._requests is not None and clock_ms:
            self._requests.ask_if_due(release, clock_ms, now_ms, drifting)
        fresh = [] if self._trained is None else list(self._trained.fresh(release))
        if fresh:
            self._send(fresh)

    def _send_snapshots(self, sequence: int) -> None:
        self._send(self.trainer.snapshots(sequence))

    def _send(self, snapshots: Iterable[Snapshot]) -> None:
        """Publishes each snapshot in parts, and deletes the records of snapshots that are no longer kept."""
        sent: set[str] = set()
        for snapshot in snapshots:
            for key, value in parts_of(snapshot):
                self._outbox.send(self._models, key.encode(), value)
                self._published.note(key, True)
                sent.add(key)
        # The tombstones come last: a reader that has one knows already what takes the place of what goes.
        for key in self._published.surplus(self._keys(), sent):
            self._outbox.send(self._models, key.encode(), None)
            self._published.note(key, False)
        self._flush()

    def _keys(self) -> list[str]:
        """The keys of the snapshots of all models of the release in force, wherever they learn."""
        release = self._control.definitions.newest
        models = () if release is None else release.models
        return [*self.trainer.keys(), *(snapshot_key(model.name, model.definition) for model in models if model.boosted is not None)]

    def _flush(self) -> None:
        """Waits until the broker has acknowledged all records; ends the process if it does not, as the next start continues safely."""
        try:
            self._outbox.flush()
        except KafkaException as error:
            raise SystemExit(f"the broker did not acknowledge what was learned; the next start learns it again: {error}") from error

    def _mark(self) -> None:
        """Remembers offsets by event time, so that a restart reads again only decisions that may still wait for labels."""
        release = self._control.definitions.newest
        labelled = any(isinstance(each, LabelLearner) or each.numbers is not None for each in self.trainer.learners)
        keep_ms = 2 * release.schema.negative_after_ms if release and labelled else REPEATS_KEEP_MS
        clock_ms, marks = self.trainer.clock_ms, self._place.marks
        if not marks:
            marks.append(Mark(0, {}))
        if clock_ms - marks[-1].clock_ms >= keep_ms // MARKS_KEPT:
            marks.append(Mark(clock_ms, dict(self._offsets)))
        while len(marks) > 1 and marks[1].clock_ms < clock_ms - keep_ms:
            marks.pop(0)

    def _change(self) -> None:
        release = self._control.definitions.newest
        if release is not None:
            self.trainer.change(release)

    def _note_published(self, messages: Sequence[TopicMessage]) -> None:
        for message in messages:
            self._published.note(key_text(message.key()), message.value() is not None)

    def _take_place(self, messages: Sequence[TopicMessage]) -> None:
        placed = [(place_of(message), message.offset() or 0, message.value() or b"") for message in messages]
        for place in self.aside.each(placed, msgspec.msgpack.Decoder(Place).decode):
            self._place = place


def make(settings: Settings) -> LearnJob:
    """The job of the system that `settings` name, with stores of trained models, of jobs and of what drifts.

    Raises:
        Refusal: the stores cannot be opened.
    """
    database = Database(place_of_database(settings), patient=True)
    requests = TrainingRequests(RelationalJobs(database), QueueBounds(settings.jobs_of_caller_max, settings.jobs_max))
    measure = DriftMeasure(RelationalEffects(database), Unchanged(RelationalRegistry(database)))
    drift = DriftWatch(measure, RelationalDrifts(database))
    return LearnJob(settings, trained=RelationalTrainedModels(database), requests=requests, drift=drift, close=database.close)


def main() -> None:
    """Runs the job until SIGTERM or SIGINT."""
    run_job(make)


if __name__ == "__main__":
    main()
