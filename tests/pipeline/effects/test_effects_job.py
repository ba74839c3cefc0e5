"""The effects job on the topics of a log: what it writes is there once, whoever is killed and whoever works beside it."""

import contextlib
import os
import pathlib
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException

from deploy.machine.processes import Process
from foundation.settings import Settings
from pipeline.control import transaction_size
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.topic_values import values_of
from pipeline.effects import effects_job
from pipeline.effects.alert_sender import AlertSender
from pipeline.effects.effects_job import EffectsJob
from pipeline.log.log_folder import LOGS, close_writer, close_writers, writer_of
from stores.effects import Alert, Work
from stores.relational.database import Database
from stores.relational.effects import RelationalEffects
from stores.relational.place import place_of

PROGRAM = pathlib.Path(__file__).with_name("killed_effects.py")
PROJECT = PROGRAM.parents[3]
START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
KILLS = 3


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Iterator[Settings]:
    made = Settings(runtime="solo", folder=str(tmp_path))
    yield made
    close_writers(made.path(*LOGS))


@pytest.fixture
def store(settings: Settings) -> Iterator[RelationalEffects]:
    with contextlib.closing(Database(place_of(settings))) as database:
        yield RelationalEffects(database)


def decision(number: int, **more: object) -> bytes:
    """One on an event that the rule `lists` matched, and where the number is odd `watches` in shadow; each hundredth exceeds a budget."""
    budget = {"matches": 50, "per_ms": HOUR_MS, "then": "shadow"}
    entry = {"list": "watched", "value": f"d{number}", "expires": START_MS + 100 * HOUR_MS, "reason": "why"}
    matches = [{"pattern": "lists", "version": "v", "action": "review", "shadow": False, "entries": [entry], "budget": budget}]
    if number % 2:
        matches.append({"pattern": "watches", "version": "v", "action": "block", "shadow": True})
    own = {"event_id": str(number), "revision": 0, "event_time": START_MS + number, "user": f"u{number % 7}", "action": "review"}
    return msgspec.json.encode(own | {"release": 1, "decided_by": "review", "matches": matches} | more)


def append(settings: Settings, topic: str, *values: bytes) -> None:
    outbox = Outbox(producer_of(settings))
    for value in values:
        outbox.send(settings.topic(topic), b"u", value)
    outbox.flush()
    close_writer(settings.path(*LOGS), "side")


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def read(settings: Settings, store: RelationalEffects) -> None:
    """Runs the job in this process until it has read everything."""
    end = writer_of(settings.path(*LOGS), "output").end
    with in_a_thread(settings, store):
        until(lambda: store.positions().get("weir.decisions/0", 0) >= end)
    close_writer(settings.path(*LOGS), "side")


@contextlib.contextmanager
def in_a_thread(settings: Settings, store: RelationalEffects) -> Iterator[None]:
    """The job beside the test."""
    job = EffectsJob(settings, store)
    thread = threading.Thread(target=job.run)
    thread.start()
    try:
        yield
    finally:
        job.stop()
        thread.join()


def alerts(settings: Settings) -> list[str]:
    return [msgspec.json.decode(value)["id"] for values in values_of(settings, "alerts") for value in values]


@contextlib.contextmanager
def program(settings: Settings) -> Iterator[Process]:
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    process = Process("effects", [sys.executable, str(PROGRAM), settings.folder], environment, settings.path("logs"), PROJECT)
    try:
        yield process
    finally:
        process.kill()


def test_what_decisions_and_labels_say_is_counted_wanted_and_joined(settings: Settings, store: RelationalEffects) -> None:
    hidden = [{"pattern": "lists", "version": "v", "exception": 2}]
    append(settings, "decisions", decision(1), decision(2), decision(1), decision(3, matches=[], hidden=hidden), b"no decision")
    late = decision(4, matches=[], rule_failures={"errs": [2, 3]}, event_time=START_MS + HOUR_MS)
    append(settings, "decisions", late, decision(2, revision=1, matches=[]))
    label = {
        "event_id": "1",
        "id_key": 1,
        "event_time": START_MS,
        "label": 1,
        "label_time": START_MS + 5,
        "user": "u1",
        "source": "analyst",
    }
    append(settings, "labels-resolved", msgspec.json.encode(label))
    read(settings, store)
    until(lambda: store.labelled(["lists"], 0))
    assert store.decided(0) == {(1, START_MS // HOUR_MS * HOUR_MS): 4, (1, (START_MS + HOUR_MS) // HOUR_MS * HOUR_MS): 1}
    totals = {each.pattern: (each.acted, each.watched, each.hidden, each.erred, each.skipped) for each in store.totals(9)}
    assert totals == {"lists": (2, 0, 1, 0, 0), "watches": (0, 1, 0, 0, 0), "errs": (0, 0, 0, 2, 3)}
    assert [(each.value, each.state) for each in store.open_entries(9)] == [("d1", "wanted"), ("d2", "unwanted")]
    assert [(each.exception, each.hidden) for each in store.hidden(["lists"])] == [(2, 1)]
    assert store.overlaps(["watches"], 0) == {"watches": {"lists": 1}}


@pytest.mark.parametrize("value", ["", " d", "#d", "d\nd", "d" * 3_000])
def test_a_text_that_can_be_on_no_list_is_passed_over(settings: Settings, store: RelationalEffects, value: str) -> None:
    match = {"pattern": "lists", "version": "v", "action": "", "shadow": False, "entries": [{"list": "watched", "value": value}]}
    append(settings, "decisions", decision(1, matches=[match]), decision(2))
    read(settings, store)
    assert [each.value for each in store.open_entries(9)] == ["d2"]


def test_a_backlog_of_many_hours_trips_no_budget_that_it_would_not_have_tripped_live(settings: Settings, store: RelationalEffects) -> None:
    append(settings, "decisions", *(decision(number, event_time=START_MS + number * HOUR_MS // 50) for number in range(400)))
    read(settings, store)
    assert store.trips(["lists"], 9) == {}
    append(settings, "decisions", *(decision(number, event_time=START_MS + 8 * HOUR_MS) for number in range(1_000, 1_060)))
    read(settings, store)
    assert len(store.trips(["lists"], 9)["lists"]) == 1


def test_events_of_long_ago_that_are_redriven_trip_no_budget(settings: Settings, store: RelationalEffects) -> None:
    append(settings, "decisions", decision(1, event_time=START_MS + 9 * HOUR_MS), *(decision(number) for number in range(2, 300)))
    read(settings, store)
    assert (store.trips(["lists"], 9), store.totals(1)[0].acted) == ({}, 299)


def test_an_alert_that_a_process_sent_and_did_not_note_before_it_was_killed_is_not_sent_again(
    settings: Settings, store: RelationalEffects
) -> None:
    append(settings, "decisions", *(decision(number) for number in range(60)))
    read(settings, store)
    [sent] = alerts(settings)
    pending = [Alert(sent, "lists", b"{}")]
    store.alerts = lambda: pending  # type: ignore[method-assign]
    sender = AlertSender(settings, store)
    sender.send()
    assert alerts(settings) == [sent]
    pending[:] = [Alert("another", "lists", b'{"id":"another"}')]
    sender.send()
    assert alerts(settings)[-1] == "another"
    sender.close()


def test_alerts_that_were_not_sent_are_tried_again_after_a_while_and_not_at_once(
    settings: Settings, store: RelationalEffects, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def excluded(sender: AlertSender, alerts: Sequence[Alert]) -> None:
        tried.append([alert.id for alert in alerts])
        raise KafkaException(KafkaError(KafkaError._FENCED))

    monkeypatch.setattr(AlertSender, "_send", excluded)
    monkeypatch.setattr(effects_job, "PACE_SECONDS", 0.01)
    monkeypatch.setattr(effects_job, "SEND_SECONDS", 600.0)
    with in_a_thread(settings, store):
        for numbers in (range(60), range(60, 61), range(61, 62), range(62, 63)):
            append(settings, "decisions", *map(decision, numbers))
            until(lambda numbers=numbers: sum(store.decided(0).values()) == numbers.stop)  # type: ignore[misc]
    assert tried == [[alert.id for alert in store.alerts()]]


def test_a_backlog_is_written_in_transactions_so_small_that_others_who_write_get_in(
    settings: Settings, store: RelationalEffects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction_size, "HELD_S", 1e-9)
    monkeypatch.setattr(transaction_size, "FIRST", 100)
    written, apply = list[int](), store.apply

    def noted(work: Work, now_ms: int) -> bool:
        written.append(sum(work.decided.values()))
        return apply(work, now_ms)

    monkeypatch.setattr(store, "apply", noted)
    append(settings, "decisions", *map(decision, range(300)))
    read(settings, store)
    assert written == [100, *[transaction_size.LEAST] * 4]


def check_whole(settings: Settings, store: RelationalEffects, count: int) -> None:
    """Checks that each of `count` decisions had its effects once."""
    assert sum(store.decided(0).values()) == count
    assert {each.pattern: (each.acted, each.watched) for each in store.totals(9)} == {"lists": (count, 0), "watches": (0, count // 2)}
    assert sorted(each.value for each in store.open_entries(10_000)) == sorted(f"d{number}" for number in range(count))
    [trip] = store.trips(["lists"], 9)["lists"]
    assert alerts(settings) == [trip.id]


@pytest.mark.slow
@pytest.mark.usefixtures("forks")
def test_a_job_that_is_killed_at_any_moment_loses_and_doubles_nothing(settings: Settings, store: RelationalEffects) -> None:
    chance, count = random.Random(7), 0
    for _ in range(KILLS):
        more = range(count, count + 150)
        append(settings, "decisions", *map(decision, more))
        count = more.stop
        before = store.positions()
        with program(settings):
            until(lambda before=before: store.positions() != before)  # type: ignore[misc]
            time.sleep(chance.random() * 0.15)  # it is killed at a moment that nobody chose
    read(settings, store)
    until(lambda: not store.alerts())
    check_whole(settings, store, count)


@pytest.mark.slow
@pytest.mark.usefixtures("forks")
def test_of_two_jobs_side_by_side_one_works_and_the_other_takes_over_when_it_is_killed(
    settings: Settings, store: RelationalEffects
) -> None:
    append(settings, "decisions", *map(decision, range(300)))
    with program(settings) as one, program(settings) as other:
        until(lambda: sum(store.decided(0).values()) >= 300)
        for number, killed in enumerate((one, None)):
            if killed is not None:
                killed.kill()
            append_range = range(300 + number * 300, 600 + number * 300)
            append(settings, "decisions", *map(decision, append_range))
            until(lambda end=append_range.stop: sum(store.decided(0).values()) >= end)  # type: ignore[misc]
        until(lambda: not store.alerts())
        assert other.running()
    check_whole(settings, store, 900)
