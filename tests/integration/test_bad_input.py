"""Bad records on every topic of a running system: each offset of the events is accounted for, and the job goes on untouched."""

import base64
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest
from bad_events import GOOD, SCHEMA, bad_events
from confluent_kafka import Producer
from score_job_runs import Json, cancel, decided, ends, prepared, records, restarts, submitted, wait_for
from side_job_runs import Running

from detectors.snapshot import Snapshot
from foundation.settings import Settings
from pipeline.engine.definitions.release import compile_release
from pipeline.learning.label_job import LabelJob
from pipeline.score_job.dead_letter import VALUE_BYTES_MAX
from pipeline.sinks.deliver_job import DeliverJob
from stores.sqlite.sqlite_decisions import SqliteDecisions, SqliteDecisionsReader

TEXTS = {
    "schema": SCHEMA + "lateness: 10m\n",
    "features": """
- {name: count_1h, template: count, window: 1h}
- {name: terminal_count_1h, template: count, entity: terminal, window: 1h}
""",
    "models": """
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, scope: global, inputs: [event.amount]}
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
""",
    "policy": "score: first_ready(shape, own)\nbands: [{below: 0.5, action: approve}, {action: block}]\nfallback: {action: review}\n",
}
PARTITIONS = 4
LARGE = 1_000_000
"""An event of so many bytes comes once, others in each partition."""
DAY_MS = 86_400_000
Place = tuple[int, int]
Header = list[tuple[str, bytes]]


@dataclass
class Sent:
    """Records of the events topic by place, and what has to become of each: a topic, or ``duplicate``."""

    producer: Producer
    topic: str
    values: dict[Place, bytes] = field(default_factory=dict)
    fates: dict[Place, str] = field(default_factory=dict)
    blamed: dict[Place, str] = field(default_factory=dict)
    goods: int = 0
    waited_for: int = 0

    def send(self, partition: int, value: bytes | None, fate: str, headers: Header | None = None, blamed: str = "") -> None:
        place = (partition, sum(each == partition for each, _ in self.values))
        self.values[place], self.fates[place], self.blamed[place] = value or b"", fate, blamed
        self.producer.produce(self.topic, value, None, partition, headers=headers)
        self.producer.poll(0)

    def good(self, partition: int, headers: Header | None = None, **changes: object) -> Json:
        """An event that has to be decided, of a user of its partition."""
        self.goods += 1
        event = GOOD | {"id": 1_000 + self.goods, "ts": GOOD["ts"] + 1_000 * self.goods, "customer": f"c-{partition}"} | changes
        self.send(partition, msgspec.json.encode(event), "decisions", headers)
        return event


def send_events(sent: Sent) -> None:
    """Every bad event between two good ones, and what is bad only because of what came before."""
    huge = {
        "sixteen megabytes": (b"x" * 16_000_000, "event"),
        "an id of a megabyte": (msgspec.json.encode(GOOD | {"id": "7" * 1_000_000}), "id"),
        "a user of a megabyte": (msgspec.json.encode(GOOD | {"customer": "c" * 1_000_000}), "customer"),
    }
    now_ms = int(time.time() * 1_000)
    for number, (value, where) in enumerate((bad_events(now_ms + DAY_MS) | huge).values()):
        for partition in range(PARTITIONS):
            if len(value) < LARGE or number % PARTITIONS == partition:
                sent.send(partition, value, "dead-letters", [("weir-reply", b"refused")], blamed=where)
                sent.waited_for += 1
            sent.good(partition)
    for partition in range(PARTITIONS):
        sent.send(partition, None, "dead-letters", blamed="event")
        first = sent.good(partition, [("weir-reply", b"\xff\xfe")])
        sent.send(partition, msgspec.json.encode(first), "duplicate", [("weir-reply", b"twice")])
        sent.send(partition, msgspec.json.encode(first | {"amount": 99 + partition}), "dead-letters", blamed=str(first["id"]))
        sent.send(partition, msgspec.json.encode(first | {"id": -1 - partition, "ts": GOOD["ts"] - DAY_MS}), "late")
        sent.good(partition)
    assert sent.producer.flush(60) == 0


BAD_LABELS: list[tuple[bytes | None, bytes | None]] = [
    (b"customer\0c-1", b"\x00\xffhello"),
    (b"customer\0c-1", None),
    (b"terminal\x0012", b'{"x":' + b"[" * 100_000),
    (b"terminal\x0012", b'{"event_id":"1","id_key":1,"event_time":1e999,"label":1,"label_time":1,"user":"u"}'),
    (b"\xff\xfe", b"{}"),
    (None, b"{}"),
]
UNRESOLVED_LABELS = [b"\x00\xffhello", b"", b"[" * 100_000, b'{"event_id":"1001","label":7,"label_time":1}', b"x" * 15_000_000]


def send_bad_side_records(producer: Producer, settings: Settings) -> None:
    control, models = settings.topic("control"), settings.topic("models")
    texts = TEXTS | {"features": "- {name: count_1h, template: nonsense}\n"}
    for text in texts.values():
        producer.produce(control, text.encode(), b"def:" + str(abs(hash(text))).encode())
    parts = {part: str(abs(hash(text))) for part, text in texts.items()}
    producer.produce(control, msgspec.json.encode({"id": 2, "parts": parts}), b"release:0000000002")
    producer.produce(control, b"\x00\xffhello", b"release:0000000003")
    producer.produce(control, b"{}", b"\xff\xfe")
    definition = compile_release(1, TEXTS).models[0].definition
    producer.produce(models, b"\x00\xffhello", b"shape")
    producer.produce(models, Snapshot("shape", definition, 9, 5, {"sizes": np.zeros(2)}).encode(), b"shape")
    for key, value in BAD_LABELS:
        producer.produce(settings.topic("labels-resolved"), value, key)
    for value in UNRESOLVED_LABELS:
        producer.produce(settings.topic("labels"), value)
    assert producer.flush(60) == 0


@dataclass
class Run:
    sent: Sent
    topics: dict[str, list[tuple[str, Json]]]
    restarts: int
    exceptions: list[object]
    resolved: int


@pytest.fixture(scope="module")
def run(broker: str, flink, tmp_path_factory) -> Iterator[Run]:
    """All that left the system after bad records on each of its topics, and one good event a partition at the very end."""
    flink.scale(1)
    settings = prepared(broker, flink, tmp_path_factory.mktemp("bad-input"), "bad.", TEXTS)
    producer = Producer({"bootstrap.servers": broker, "message.max.bytes": 16_777_216, "linger.ms": 5})
    store = settings.path("decisions.db")
    sent = Sent(producer, settings.topic("events"))
    with Running(DeliverJob(settings, SqliteDecisions(store))), Running(LabelJob(settings, SqliteDecisionsReader(store))) as label:
        job = submitted(flink, settings)
        send_bad_side_records(producer, settings)
        send_events(sent)
        label_of_a_good_event = {"event_id": "1001", "label": 1, "label_time": GOOD["ts"] + DAY_MS}
        producer.produce(settings.topic("labels"), msgspec.json.encode(label_of_a_good_event))
        wait_for(lambda: decided(settings) >= sent.goods, 120, "good events between the bad ones are not decided")
        for partition in range(PARTITIONS):
            sent.good(partition)
        producer.flush(60)
        wait_for(lambda: decided(settings) >= sent.goods, 60, "the next good events are not decided")
        dead = list(sent.fates.values()).count("dead-letters") + len(BAD_LABELS) + len(UNRESOLVED_LABELS)
        wait_for(lambda: sum(ends(settings, "dead-letters")) >= dead, 60, "dead letters are missing")
        wait_for(lambda: label.job.resolver.resolved == 1, 60, "the label of a good event is not resolved")
        topics = {name: decoded(settings, name) for name in ("decisions", "dead-letters", "late", "replies")}
        exceptions = flink.cluster.get(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
        yield Run(sent, topics, restarts(flink, job), exceptions, label.job.resolver.resolved)
        cancel(flink, job)


def decoded(settings: Settings, topic: str) -> list[tuple[str, Json]]:
    return [((message.key() or b"").decode(), msgspec.json.decode(message.value())) for message in records(settings, topic)]


def letters_of_events(run: Run) -> list[tuple[Place, Json]]:
    """Dead letters with the place of their event; one that names none is found by its bytes."""
    place_of = {value[:VALUE_BYTES_MAX]: place for place, value in run.sent.values.items()}
    letters = [letter for _, letter in run.topics["dead-letters"] if "topic" not in letter]
    return [
        ((letter["partition"], letter["offset"]) if letter["offset"] >= 0 else place_of[base64.b64decode(letter["value"])], letter)
        for letter in letters
    ]


def test_every_offset_of_the_events_ends_in_exactly_one_place(run: Run) -> None:
    place_of = {value: place for place, value in run.sent.values.items() if run.sent.fates[place] != "duplicate"}
    by_id = {msgspec.json.decode(value)["id"]: place for value, place in place_of.items() if run.sent.fates[place] == "decisions"}
    repeated = {value: place for place, value in run.sent.values.items() if run.sent.fates[place] == "duplicate"}
    found = defaultdict(list)
    for _, decision in run.topics["decisions"]:
        found[by_id[int(decision["event_id"])]].append("decisions")
    for place, _ in letters_of_events(run):
        found[place].append("dead-letters")
    for _, late in run.topics["late"]:
        found[place_of[base64.b64decode(late["value"])]].append("late")
    for key, reply in run.topics["replies"]:
        if key == "twice" and "duplicate" in reply["flags"]:
            [place] = [place for value, place in repeated.items() if str(msgspec.json.decode(value)["id"]) == reply["event_id"]]
            found[place].append("duplicate")
    assert found == {place: [fate] for place, fate in run.sent.fates.items()}


def test_every_dead_letter_of_an_event_holds_its_bytes_and_the_reason(run: Run) -> None:
    for place, letter in letters_of_events(run):
        value = run.sent.values[place]
        assert (base64.b64decode(letter["value"]), letter["bytes"]) == (value[:VALUE_BYTES_MAX], len(value)), place
        assert letter["reason"]["where"] == run.sent.blamed[place], value[:200]
        assert all(letter["reason"][part] for part in ("what", "expected", "got")), place


def test_every_refused_event_that_somebody_waits_for_is_answered_with_the_fallback(run: Run) -> None:
    actions = [reply["action"] for key, reply in run.topics["replies"] if key == "refused"]
    assert actions == ["review"] * run.sent.waited_for


def test_bad_labels_are_dead_letters_with_their_bytes_and_topic(run: Run) -> None:
    found = defaultdict(list)
    for _, letter in run.topics["dead-letters"]:
        if "topic" in letter:
            assert all(letter["reason"][part] for part in ("what", "where", "expected", "got"))
            found[letter["topic"].rpartition(".")[2]].append((base64.b64decode(letter["value"]), letter["bytes"]))
    assert sorted(found["labels-resolved"]) == sorted((value or b"", len(value or b"")) for _, value in BAD_LABELS)
    assert sorted(found["labels"]) == sorted((value[:VALUE_BYTES_MAX], len(value)) for value in UNRESOLVED_LABELS)


def test_the_release_in_force_stays_and_the_job_was_not_started_again(run: Run) -> None:
    assert {decision["release"] for _, decision in run.topics["decisions"]} == {1}
    assert (run.restarts, run.exceptions) == (0, [])
