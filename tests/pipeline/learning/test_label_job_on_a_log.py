"""The label job on the topics of a log, beside a deliver job: what it reads, waits for and writes, across its restarts."""

import pathlib
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from side_job_runs import Running

from deploy.local.releases import publish
from foundation.settings import Settings
from pipeline.control.kafka import Outbox, consumer_of, ends_of, producer_of, read_until
from pipeline.control.topic_clients import TopicMessage
from pipeline.learning.label_job import LabelJob
from pipeline.log.log_folder import LOGS, close_writers
from pipeline.sinks.deliver_job import DeliverJob
from stores.sqlite.sqlite_decisions import SqliteDecisions, SqliteDecisionsReader

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [terminal]\n"
    "fields: {amount: {type: decimal, retain: true}}\nlabels: {negative_after: 7d}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: approve}\n",
}


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Iterator[Settings]:
    """Of a system without a broker, of which nothing runs but the jobs of the test."""
    made = Settings(runtime="solo", folder=str(tmp_path), label_wait_ms=3_000)
    publish(made, TEXTS)
    yield made
    close_writers(made.path(*LOGS))


def decision(number: int) -> bytes:
    """One on an event of a user and, where the number is odd, of a terminal."""
    served = {"event_id": str(number), "revision": 0, "event_time": START_MS + number * 60_000, "user": f"u{number % 7}"}
    served |= {"entities": {"terminal": f"t{number % 3}" if number % 2 else ""}, "score": 0.5, "action": "review", "release": 1}
    return msgspec.json.encode(served | {"event": {"amount": 1.0}, "features": {"count_1h": 1.0}})


def label(number: int) -> bytes:
    return msgspec.json.encode({"event_id": str(number), "label": 1, "label_time": START_MS + DAY_MS})


def send(settings: Settings, topic: str, values: list[bytes]) -> None:
    outbox = Outbox(producer_of(settings))
    for value in values:
        outbox.send(settings.topic(topic), b"", value)
    outbox.flush()


def all_of(settings: Settings, topic: str) -> list[TopicMessage]:
    consumer = consumer_of(settings, "test", **{"enable.partition.eof": True})
    found: list[TopicMessage] = []
    read_until(consumer, {}, ends_of(consumer, [settings.topic(topic)]), found.extend, lambda: False)
    consumer.close()
    return found


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def deliver(settings: Settings, numbers: range) -> None:
    """Sends decisions and has them delivered into the store."""
    with Running(DeliverJob(settings, SqliteDecisions(settings.path("decisions.db")))) as deliver:
        send(settings, "decisions", [decision(number) for number in numbers])
        wait_until(lambda: deliver.job.deliverer.written == len(numbers), "decisions delivered")


def test_labels_are_resolved_once_for_every_key_and_wait_across_a_restart(settings: Settings) -> None:
    deliver(settings, range(10))
    send(settings, "labels", [label(10), *(label(number) for number in range(10))])
    with Running(LabelJob(settings, SqliteDecisionsReader(settings.path("decisions.db")))) as job:
        wait_until(lambda: job.job.resolver.resolved == 10 and job.job.resolver.waiting == 1, "labels resolved")
    keys = sorted((message.key() or b"").decode() for message in all_of(settings, "labels-resolved"))
    assert len(keys) == 15
    deliver(settings, range(10, 11))
    with Running(LabelJob(settings, SqliteDecisionsReader(settings.path("decisions.db")))):
        wait_until(lambda: any(b'"event_id":"10"' in (m.value() or b"") for m in all_of(settings, "labels-resolved")), "the late label")
    assert len(all_of(settings, "labels-resolved")) == 16, "labels behind the one that waited are not resolved again"


def test_a_label_that_never_finds_its_decision_and_a_bad_one_end_as_dead_letters(settings: Settings) -> None:
    deliver(settings, range(1))
    send(settings, "labels", [b"nonsense", msgspec.json.encode({"event_id": "404", "label": 1, "label_time": 1_767_884_551_090})])
    with Running(LabelJob(settings, SqliteDecisionsReader(settings.path("decisions.db")))):
        wait_until(lambda: len(all_of(settings, "dead-letters")) == 2, "two dead letters")
    assert {msgspec.json.decode(m.value() or b"")["reason"]["what"] for m in all_of(settings, "dead-letters")} == {
        "bad label",
        "no decision for this label",
    }
