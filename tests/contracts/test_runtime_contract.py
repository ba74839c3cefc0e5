"""What a runtime keeps to, a broker with Flink as well as a solo system: events go in, decisions come out, and all stands on topics."""

import base64
import concurrent.futures
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import pytest

from api.auth.token import read_token
from api.client.client import Client
from deploy.command import SAMPLES
from deploy.demo.payments import Town
from deploy.local.solo_in_process import SoloInProcess
from deploy.local.stack import Stack
from detectors.snapshot_parts import SnapshotAssembly
from foundation.settings import Settings
from pipeline.control.definitions import key_text
from pipeline.control.kafka import Offsets, Outbox, consumer_of, ends_of, place_of, producer_of, read_until
from pipeline.control.topic_clients import TopicMessage

Json = dict[str, object]
CONFIG = SAMPLES / "payments"
DEADLINE_MS = 10_000
SECONDS_MAX = 90.0
DAY_MS = 86_400_000


class System(NamedTuple):
    """A running system, and a caller of its API."""

    settings: Settings
    client: Client

    def ends(self, topic: str) -> Offsets:
        """The position behind all that the topic holds now."""
        consumer = consumer_of(self.settings, "contract-ends")
        try:
            return ends_of(consumer, [self.settings.topic(topic)])
        finally:
            consumer.close()

    def read(self, topic: str, starts: Offsets) -> list[TopicMessage]:
        """The records from the position `starts` to the end that the topic has now."""
        found: list[TopicMessage] = []
        consumer = consumer_of(self.settings, "contract", **{"enable.partition.eof": True})
        try:
            read_until(consumer, starts, ends_of(consumer, [self.settings.topic(topic)]), found.extend, lambda: False)
        finally:
            consumer.close()
        return found

    def awaited(self, topic: str, starts: Offsets, wanted: Callable[[TopicMessage], bool]) -> TopicMessage:
        """The first record from the position `starts` on that is wanted."""
        until = time.monotonic() + SECONDS_MAX
        while True:
            for message in self.read(topic, starts):
                if wanted(message):
                    return message
            assert time.monotonic() < until, f"no such record of {topic}"
            time.sleep(0.1)

    def decision(self, starts: Offsets, id: object) -> Json:
        """The decision on the event `id`, as it stands on the topic."""
        return value_of(self.awaited("decisions", starts, lambda message: value_of(message)["event_id"] == str(id)))


def value_of(message: TopicMessage) -> Json:
    return msgspec.json.decode(message.value() or b"{}")


@pytest.fixture(scope="module", params=["solo", "stack"])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    if request.param == "solo":
        with SoloInProcess(CONFIG, tmp_path_factory.mktemp("solo")) as solo:
            yield System(solo.settings, solo.client)
        return
    stack: Stack = request.getfixturevalue("stack")
    with Client(f"http://{stack.settings.api_address()}", read_token(stack.settings)) as client:
        yield System(stack.settings, client)


def payment(name: str, **more: object) -> Json:
    """Of now, with an id that no other has, and entities of the test `name`."""
    made = msgspec.json.decode(Town(1, customers=5, first_id=time.time_ns() // 1000).payment(int(time.time() * 1000)).encode())
    return made | {field: f"{name}-{made[field]}" for field in ("customer_id", "terminal_id", "device_id")} | more


def test_an_event_that_is_appended_has_one_decision_the_one_that_was_awaited(system: System) -> None:
    before, event = system.ends("decisions"), payment("awaited")
    answer = system.client.decide(event, DEADLINE_MS)
    assert "degraded" not in answer.flags
    decision = system.decision(before, answer.event_id)
    assert {name: decision[name] for name in ("event_id", "revision", "score", "action", "reasons", "flags", "release")} == {
        name: getattr(answer, name) for name in ("event_id", "revision", "score", "action", "reasons", "flags", "release")
    }
    again = system.client.decide(event, DEADLINE_MS)
    assert (again.score, again.action, again.revision) == (answer.score, answer.action, answer.revision)
    assert "duplicate" in again.flags
    system.client.decide(payment("awaited"), DEADLINE_MS)
    assert sum(value_of(each)["event_id"] == answer.event_id for each in system.read("decisions", before)) == 1


def test_callers_at_once_get_each_the_answer_to_their_own_event(system: System) -> None:
    events = [payment(f"at-once-{number % 7}") for number in range(300)]
    with concurrent.futures.ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda event: system.client.decide(event, DEADLINE_MS), events))
    assert [answer.event_id for answer in answers] == [str(event["payment_id"]) for event in events]
    assert not any("degraded" in answer.flags for answer in answers)


def test_callers_at_once_with_one_event_get_one_answer(system: System) -> None:
    event = payment("one-event")
    with concurrent.futures.ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: system.client.decide(event, DEADLINE_MS), range(10)))
    assert len({(answer.score, answer.action, answer.revision) for answer in answers}) == 1
    assert not any("degraded" in answer.flags for answer in answers)


def test_an_event_past_its_deadline_is_decided_all_the_same_and_a_retry_gets_that_decision(system: System) -> None:
    before, event = system.ends("decisions"), payment("past")
    system.client.decide(event, 1)  # the fallback, unless the runtime answers within a millisecond
    kept = system.decision(before, event["payment_id"])
    again = system.client.decide(event, DEADLINE_MS)
    assert (again.score, again.action) == (kept["score"], kept["action"])
    assert "duplicate" in again.flags


def test_an_event_of_almost_a_mebibyte_is_on_the_topic_as_it_was_sent_and_decided(system: System) -> None:
    events, decisions, event = system.ends("events"), system.ends("decisions"), payment("large", note="x" * 1_000_000)
    body = msgspec.json.encode(event)
    system.client.send(body)
    assert system.awaited("events", events, lambda message: message.value() == body)
    assert system.decision(decisions, event["payment_id"])["user"] == event["customer_id"]


def test_a_decision_is_delivered_to_the_store(system: System) -> None:
    event = payment("delivered")
    answer = system.client.decide(event, DEADLINE_MS)
    until = time.monotonic() + SECONDS_MAX
    while (kept := system.client.decision(answer.event_id)) is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert (kept["score"], kept["action"], kept["user"]) == (answer.score, answer.action, event["customer_id"])


def test_bytes_that_are_no_event_are_a_dead_letter_that_holds_them_and_what_follows_is_decided(system: System) -> None:
    letters, decisions, event = system.ends("dead-letters"), system.ends("decisions"), payment("bytes")
    outbox = Outbox(producer_of(system.settings))
    bad = b"\xff no event of %d" % time.time_ns()
    outbox.send(system.settings.topic("events"), b"anybody", bad)
    outbox.send(system.settings.topic("events"), str(event["customer_id"]).encode(), msgspec.json.encode(event))
    outbox.flush()
    assert system.decision(decisions, event["payment_id"])["user"] == event["customer_id"]

    kept = base64.b64encode(bad).decode()
    letter = value_of(system.awaited("dead-letters", letters, lambda message: value_of(message)["value"] == kept))
    assert letter["reason"]["what"]  # type: ignore[index]


def test_an_event_that_is_too_late_is_answered_at_once_with_the_reason_and_stands_on_the_topic(system: System) -> None:
    before, event = system.ends("late"), payment("late", customer_id="late-customer")
    system.client.decide(event, DEADLINE_MS)
    late = payment("late", customer_id="late-customer", at=int(event["at"]) - DAY_MS)  # type: ignore[call-overload]
    answer = system.client.decide(late, DEADLINE_MS)
    assert answer.flags == ["degraded"]
    assert "too late" in answer.reasons[0]
    assert answer.elapsed_ms < DEADLINE_MS
    assert system.awaited("late", before, lambda message: str(late["payment_id"]).encode() in (message.value() or b""))


def test_an_id_that_is_used_again_is_answered_at_once_with_the_reason_and_is_a_dead_letter(system: System) -> None:
    before, event = system.ends("dead-letters"), payment("reused")
    system.client.decide(event, DEADLINE_MS)
    answer = system.client.decide(event | {"amount": 77.77}, DEADLINE_MS)
    assert answer.flags == ["degraded"]
    assert "id_reused" in answer.reasons[0]
    assert answer.elapsed_ms < DEADLINE_MS
    assert system.awaited("dead-letters", before, lambda message: b"id_reused" in (message.value() or b""))


def test_a_label_is_read_from_the_position_before_it_and_resolved_with_what_its_event_touched(system: System) -> None:
    labels, resolved, event = system.ends("labels"), system.ends("labels-resolved"), payment("labelled")
    answer = system.client.decide(event, DEADLINE_MS)
    system.client.label(answer.event_id, 1)
    [label] = [each for each in map(value_of, system.read("labels", labels)) if each["event_id"] == answer.event_id]
    assert label["label"] == 1
    terminal = str(event["terminal_id"]).encode()
    found = system.awaited("labels-resolved", resolved, lambda message: terminal in (message.key() or b""))
    assert answer.event_id.encode() in (found.value() or b"")


def test_a_release_that_is_published_is_on_the_topic_and_decides_the_next_event(system: System) -> None:
    before, policy = system.ends("control"), (CONFIG / "policy.yaml").read_text()
    first = system.client.decide(payment("released"), DEADLINE_MS).release
    try:
        released = system.client.put({"policy": policy.replace("0.985", "0.97")})
        until = time.monotonic() + SECONDS_MAX
        while (now := system.client.decide(payment("released"), DEADLINE_MS).release) != released.release:
            assert now == first
            assert time.monotonic() < until
        keys = [key_text(each.key()) for each in system.read("control", before)]
        assert f"release:{released.release:010d}" in keys
        assert any(key.endswith(released.parts["policy"]) for key in keys)
    finally:
        system.client.put({"policy": policy})


def test_entries_of_a_list_are_read_in_the_order_in_which_they_were_written(system: System) -> None:
    before = system.ends("entries")
    assert system.client.put_list("contract_friends", ["c-2", "c-1"]).added == 2
    assert {value for value in ("c-1", "c-2") if any(value in key_text(each.key()) for each in system.read("entries", before))} == {
        "c-1",
        "c-2",
    }


def test_a_topic_is_read_again_from_any_of_its_positions(system: System) -> None:
    before = system.ends("labels")
    answer = system.client.decide(payment("positions"), DEADLINE_MS)
    for weight in (1.0, 0.5, 0.25):
        system.client.label(answer.event_id, 0, weight=weight)
    records = [each for each in system.read("labels", before) if value_of(each)["event_id"] == answer.event_id]
    assert [value_of(each)["weight"] for each in records] == [1.0, 0.5, 0.25]
    behind_first = before | {place_of(records[0]): records[0].offset() + 1}
    again = [each for each in system.read("labels", behind_first) if value_of(each)["event_id"] == answer.event_id]
    assert [value_of(each)["weight"] for each in again] == [0.5, 0.25]


def test_a_model_that_has_learned_is_on_the_topic_and_decides(system: System) -> None:
    models, decisions, now_ms = system.ends("models"), system.ends("decisions"), int(time.time() * 1000)
    town = Town(9, customers=100, terminals=30, first_id=time.time_ns() // 1000)
    outbox = Outbox(producer_of(system.settings))
    for each in (town.payment(now_ms + number * 27) for number in range(2_600)):  # 70 s of event time, in which a model is published twice
        outbox.send(system.settings.topic("events"), f"learned-{each.customer_id}".encode(), each.encode())
    outbox.flush()
    assembly = SnapshotAssembly()
    published: set[int] = set()

    def is_published(message: TopicMessage) -> bool:
        snapshot = assembly.take(key_text(message.key()), message.value()) if message.value() is not None else None
        published.update([snapshot.sequence] if snapshot is not None and snapshot.model == "payment_shape" else [])
        return bool(published)

    system.awaited("models", models, is_published)

    def names_one(message: TopicMessage) -> bool:
        named = msgspec.json.decode(message.value() or b"")["models"]["payment_shape"]
        return named["snapshot"] is not None and named["score"] is not None

    until = time.monotonic() + SECONDS_MAX
    while system.client.decide(payment("learned"), DEADLINE_MS).score is None:
        assert time.monotonic() < until
    assert system.awaited("decisions", decisions, names_one)
