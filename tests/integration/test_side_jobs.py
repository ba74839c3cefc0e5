"""The learn and the deliver job against a real broker, killed and started again."""

import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from confluent_kafka import Message
from side_job_runs import Running

from deploy.local.releases import publish
from deploy.local.stack import settings_as_environment
from deploy.machine.processes import Process, Processes
from deploy.servers.topics import make_topics
from detectors.snapshot import Snapshot
from foundation.settings import Settings
from pipeline.control.kafka import Outbox, consumer_of, ends_of, producer_of, read_until
from pipeline.learning.learn_job import LearnJob, Place
from pipeline.learning.published_snapshots import model_of
from stores.decisions import EventName
from stores.sqlite.sqlite_decisions import SqliteDecisionsReader

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: customer
entities: [terminal]
fields:
  amount: {type: decimal, retain: true}
labels: {negative_after: 7d}
""",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": """
- name: shape
  kind: river
  model: anomaly.HalfSpaceTrees
  parameters: {n_trees: 5, height: 4, window_size: 50, seed: 1}
  scope: global
  publish_every: 1h
  inputs: [event.amount]
- name: fraud
  kind: river
  model: linear_model.LogisticRegression
  scope: global
  learns: labels
  publish_every: 1h
  inputs: [event.amount]
""",
    "policy": "score: first_ready(fraud, shape)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: approve}\n",
}


@pytest.fixture
def settings(broker: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Settings:
    made = Settings(bootstrap=broker, topic_prefix=f"{abs(hash(request.node.name))}.", partitions=2, folder=str(tmp_path))
    make_topics(made)
    publish(made, TEXTS)
    return made


def decision(number: int, amount: float = 1.0, score: float = 0.5) -> bytes:
    return msgspec.json.encode(
        {
            "event_id": str(number),
            "revision": 0,
            "event_time": START_MS + number * 60_000,
            "user": f"u{number % 7}",
            "entities": {"terminal": f"t{number % 3}" if number % 2 else ""},
            "score": score,
            "action": "review",
            "release": 1,
            "event": {"amount": amount},
            "features": {"count_1h": 1.0},
        }
    )


def send(settings: Settings, topic: str, records: list[tuple[bytes, bytes]]) -> None:
    outbox = Outbox(producer_of(settings))
    for key, value in records:
        outbox.send(settings.topic(topic), key, value)
    outbox.flush()


def send_decisions(settings: Settings, numbers: range, score: float = 0.5) -> None:
    send(settings, "decisions", [(f"u{n % 7}".encode(), decision(n, float(n % 50), score)) for n in numbers])


def all_of(settings: Settings, topic: str) -> list[Message]:
    consumer = consumer_of(settings, "test", **{"enable.partition.eof": True})
    found: list[Message] = []
    read_until(consumer, {}, ends_of(consumer, [settings.topic(topic)]), found.extend, lambda: False)
    consumer.close()
    return found


def wait_until(true: Callable[[], bool], what: str, seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes() as made:
        yield made


def start(processes: Processes, settings: Settings, module: str, folder: pathlib.Path) -> Process:
    environment = {**os.environ, **settings_as_environment(settings)}
    return processes.add(Process(module, [sys.executable, "-m", module], environment, folder, pathlib.Path.cwd()))


def test_a_deliver_job_killed_in_mid_stream_loses_and_repeats_nothing(
    settings: Settings, processes: Processes, tmp_path: pathlib.Path
) -> None:
    reader = SqliteDecisionsReader(settings.path("decisions.db"))
    ids = [EventName(str(n)) for n in range(20_000)]
    job = start(processes, settings, "pipeline.sinks.deliver_job", tmp_path)
    send_decisions(settings, range(10_000))
    wait_until(lambda: bool(reader.get_many(ids[:100])), "the first decisions")
    job.kill()
    processes.forget(job)
    send_decisions(settings, range(5_000), score=0.9)
    send_decisions(settings, range(10_000, 20_000))
    start(processes, settings, "pipeline.sinks.deliver_job", tmp_path)
    wait_until(lambda: len(reader.get_many(ids)) == len(ids), "all decisions")
    assert {kept.score for [kept] in reader.get_many(ids).values()} == {0.5}
    latest = reader.latest("customer", "u0")
    assert latest is not None
    assert latest.event_id == str(max(n for n in range(20_000) if n % 7 == 0))


def newest_place(settings: Settings) -> Place | None:
    found = all_of(settings, "learners")
    return msgspec.msgpack.decode(found[-1].value() or b"", type=Place) if found else None


def learned_up_to(settings: Settings, decisions: int) -> bool:
    place = newest_place(settings)
    return place is not None and sum(offset for name, offset in place.offsets.items() if ".decisions/" in name) >= decisions


def lessons(settings: Settings, model: str) -> list[int]:
    place = newest_place(settings)
    assert place is not None
    [state] = [state for key, state in place.states.items() if key.startswith(f"{model}/")]
    found: list[int] = Snapshot.decode(state).arrays["lessons"].tolist()
    return found


def send_labels(settings: Settings, numbers: range) -> None:
    records = []
    for n in numbers:
        event_time = START_MS + n * 60_000
        value = {"event_id": str(n), "id_key": n, "event_time": event_time, "label": 1, "label_time": event_time + 3_600_000}
        served = {"user": f"u{n % 7}", "features": {"count_1h": 1.0}, "event": {"amount": float(n % 50)}}
        records.append((f"customer\0u{n % 7}".encode(), msgspec.json.encode(value | served)))
    send(settings, "labels-resolved", records)


def learn(settings: Settings, decisions: int, labels: int, last: int) -> None:
    """Runs the job until it has taken in so many records in all, then sends the decision `last` and waits for the place it makes due."""
    with Running(LearnJob(settings, publish_seconds_min=0.0)) as learn:

        def taken(topic: str) -> int:
            return sum(offset for name, offset in list(learn.job._offsets.items()) if f".{topic}/" in name)

        wait_until(lambda: taken("decisions") >= decisions and taken("labels-resolved") >= labels, "all taken in")
        send_decisions(settings, range(last, last + 1))
        wait_until(lambda: learned_up_to(settings, decisions + 1), "the place kept")


def models(settings: Settings) -> dict[str, bytes]:
    """What stays of the topic's records, by their keys."""
    found = {message.key().decode(): message.value() for message in all_of(settings, "models")}
    return {key: value for key, value in found.items() if value is not None}


@pytest.mark.long
def test_a_learn_job_started_again_teaches_nothing_twice_and_forgets_nothing(settings: Settings) -> None:
    week = 7 * 24 * 60
    labelled = range(0, week, 100)
    send_decisions(settings, range(week))
    send_labels(settings, labelled)
    learn(settings, week, len(labelled), week + 120)
    assert lessons(settings, "shape") == [week + 1]
    before = models(settings)
    for _ in range(2):  # the second start must still know where the vectors of the first week are
        with Running(LearnJob(settings, publish_seconds_min=0.0)):
            time.sleep(2)
    assert models(settings) == before
    send_decisions(settings, range(week, 2 * week + 61))  # with the one of week + 120 once more
    learn(settings, 2 * week + 62, len(labelled), 2 * week + 181)
    assert lessons(settings, "shape") == [2 * week + 62]
    positives, negatives = lessons(settings, "fraud")
    assert positives == len(labelled)
    # Partitions are read one ahead of the other, so events of the three hours at the end of the first week may be due or not.
    assert week + 1 <= negatives + positives <= week + 182
    assert sorted(map(model_of, models(settings))) == ["fraud", "shape"]  # one snapshot each: those before are taken off the topic
