"""A solo system and the score job decide alike: the history of its log, which is carried into Kafka, and what comes afterwards."""

import os
import pathlib
import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import pytest
from parity import Parity
from score_job_runs import START_MS, TEXTS, Json, cancel, decisions, ends, prepared, produce, records, submitted, wait_for
from servers_of_a_test import UNHURRIED_MS

from deploy.servers.topics import make_topics
from foundation.refusal import Refusal
from foundation.settings import Settings
from patterns.entries import Change
from patterns.entries import Entry as ListEntry
from patterns.lists import DECLARATION
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, segments_of, writer_of
from pipeline.log.reader import LogReader
from pipeline.replay.carried_log import carry_log
from pipeline.score_job.facts import fact_key
from pipeline.solo.engine import Engine
from pipeline.trial.one_process import OneProcess

ALL = TEXTS | {
    "schema": TEXTS["schema"] + "facts: {who: {limit: number}}\n",
    "features": TEXTS["features"]
    + "- {name: over, expression: 'event.amount - entity.who.limit'}\n- {name: watched, expression: 'event.shop in list.watched'}\n",
    "list:watched": DECLARATION,
}
HISTORY, AFTERWARDS = 3_000, 60
LABEL_MS = 3_600_000


def payments(seed: int, count: int, first: int = 0, at: int = START_MS) -> list[Json]:
    """In order of (time, id), with repeats, ids that are used twice, corrections and retractions.

    Only a user's latest event is corrected or retracted, and only one without a shop: in event_time mode a correction has its turn at the
    newest time that its partition had before it, so that those of an older event may come before what overtook them.
    """
    draw, events = random.Random(seed), []
    latest: dict[object, Json] = {}
    for id in range(first, first + count):
        at += draw.choice((0, 1, 500, 9_000))
        shop = f"s{draw.randrange(40)}" if draw.random() < 0.8 else None
        event: Json = {"id": id, "at": at, "who": f"u{draw.randrange(150)}", "shop": shop, "amount": draw.randrange(1, 99_999) / 100}
        events.append(event)
        latest[event["who"]] = event
        if draw.random() < 0.05:
            events.append(draw.choice(events[-50:]))
        if draw.random() < 0.2 and (changed := draw.choice(list(latest.values())[-20:]))["shop"] is None:
            other = {"amount": draw.randrange(1, 99_999) / 100}
            events.append(changed | draw.choice([other, other | {"op": "correct"}, other | {"op": "correct"}, {"op": "retract"}]))
    return events


def labels_of(events: Sequence[Json]) -> list[tuple[int, Entry]]:
    """Resolved labels of some events, with the times from which on they count."""
    parity = Parity(ALL, [])
    positives = [(event, int(event["at"]) + LABEL_MS) for event in events[::37] if "op" not in event]
    keyed = parity.label_records(positives)
    return [(msgspec.json.decode(value)["label_time"], Entry("labels-resolved", key.encode(), value)) for key, value in keyed]


def log_of(events: Sequence[Json]) -> list[Entry]:
    """The records of a run: definitions, snapshots, entries and facts, and the events, with each label before those that it counts for."""
    lesson = Parity(ALL, payments(2, 2_000))
    snapshots = lesson.learned()
    log = [Entry("control", key.encode(), value) for _, key, value in OneProcess.records_of(1, ALL)]
    log += [Entry("models", key.encode(), value) for key, value in snapshots]
    for shop in ("s1", "s2", "s3"):
        key, value = Change("watched", shop, ListEntry("watched", shop)).record()
        log.append(Entry("entries", key.encode(), value))
    key, _ = Change("watched", "s3", None).record()
    log.append(Entry("entries", key.encode(), None))
    for user in range(0, 150, 3):
        fact = {"kind": "who", "entity": f"u{user}", "name": "limit", "since": START_MS + 1_000 * user, "value": user}
        log.append(Entry("facts", fact_key("who", f"u{user}", "limit"), msgspec.json.encode(fact)))
    waiting = sorted(labels_of(events), key=lambda each: each[0])
    for event in events:
        while waiting and waiting[0][0] <= int(event["at"]):
            log.append(waiting.pop(0)[1])
        log.append(Entry("events", str(event["who"]).encode(), msgspec.json.encode(event)))
    return log + [entry for _, entry in waiting]


@dataclass
class Solo:
    """A solo system with this history in its log."""

    settings: Settings
    engine: Engine

    def take(self, entries: Sequence[Entry]) -> None:
        """Has records decided."""
        ended = threading.Event()
        self.engine.put(entries, lambda end, problem: ended.set())
        assert ended.wait(60)
        wait_for(lambda: self.engine._checkpoints.positions.get("input", 0) >= self.engine._input.end, 60, "events that are not decided")

    def decisions(self) -> list[Json]:
        reader, found = LogReader(segments_of(self.settings.path(*LOGS), OUTPUT), ["decisions"]), []
        while part := reader.read(1_000):
            found += [msgspec.json.decode(record.value or b"") for record in part]
        return found


@pytest.fixture(scope="module")
def solo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Solo]:
    settings = Settings(runtime="solo", folder=str(tmp_path_factory.mktemp("solo")), log_fsync="os")
    engine = Engine(settings, lambda replies: None)
    engine.open()
    engine.start()
    system = Solo(settings, engine)
    log = log_of(payments(1, HISTORY))
    for first in range(0, len(log), 500):
        system.take(log[first : first + 500])
    yield system
    engine.close()


@dataclass
class Both:
    """The decisions of solo and of Flink: on the history, and on what came afterwards, without the fields that say when they were made."""

    history: tuple[list[Json], list[Json]]
    afterwards: tuple[list[Json], list[Json]]
    settings: Settings
    solo: Solo
    refused: list[str]
    """What `carry_log` said once the score job had begun, and once somebody else had written to its topics."""


@pytest.fixture(scope="module", params=[pytest.param(1, marks=pytest.mark.long), 2])
def both(request: pytest.FixtureRequest, solo: Solo, broker: str, flink, tmp_path_factory: pytest.TempPathFactory) -> Both:
    flink.scale(request.param)
    folder = tmp_path_factory.mktemp(f"grown-{request.param}")
    settings = prepared(broker, flink, folder, f"grown{request.param}.", {}, parallelism=request.param, entity_wait_ms=UNHURRIED_MS)
    known = len(solo.decisions())
    written = carry_log(settings, solo.settings.path()).written
    assert written["events"] > HISTORY
    assert carry_log(settings, solo.settings.path()).written.total() == 0, "a second time there is nothing left to write"
    job = submitted(flink, settings)
    wait_for(lambda: sum(ends(settings, "decisions")) >= known, 120, "events of the history that are not decided")
    history = solo.decisions(), decisions(settings, known)
    refused: list[str] = []
    newest = max(int(each["event_time"]) for each in history[0])
    for event in payments(3 + request.param, AFTERWARDS, 100_000 * request.param, newest):
        record = Entry("events", str(event["who"]).encode(), msgspec.json.encode(event))
        solo.take([record])
        if len(refused) < 2:
            refused.append(said_of(settings, solo))
        produce(settings, "events", [(str(event["who"]), record.value or b"")])
        count = len(solo.decisions())
        wait_for(lambda count=count: sum(ends(settings, "decisions")) >= count, 60, "an event that is not decided")  # type: ignore[misc]
    afterwards = solo.decisions()[known:], decisions(settings, len(solo.decisions()))
    cancel(flink, job)
    return Both(history, afterwards, settings, solo, refused)


def said_of(settings: Settings, solo: Solo) -> str:
    with pytest.raises(Refusal) as refusal:
        carry_log(settings, solo.settings.path())
    return str(refusal.value)


def by_name(decided: Sequence[Json]) -> dict[tuple[object, ...], Json]:
    made_anew = ("processed_at", "latency_ms")
    return {
        (each["user"], each["event_id"], each["revision"]): {name: value for name, value in each.items() if name not in made_anew}
        for each in decided
    }


def differences(one: Sequence[Json], other: Sequence[Json]) -> list[tuple[object, ...]]:
    ours, theirs = by_name(one), by_name(other)
    return [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]


def test_solo_decides_the_history_as_the_score_job_does_in_event_time_mode_bit_for_bit(both: Both) -> None:
    ours, theirs = both.history
    assert len(ours) > HISTORY
    assert differences(ours, theirs) == []
    assert {each["revision"] for each in ours} >= {0, 1}
    assert any(each["features"]["shop_risk"] for each in ours)
    assert {each["features"]["watched"] for each in ours} >= {0, 1}
    assert any(each["models"]["shape"]["score"] for each in ours)
    assert any(each["features"]["over"] is not None for each in ours)


def test_after_the_history_both_go_on_alike(both: Both) -> None:
    ours, theirs = both.afterwards
    new = {(each["user"], each["event_id"], each["revision"]) for each in ours}
    assert len(new) >= AFTERWARDS
    assert differences(ours, [each for each in theirs if (each["user"], each["event_id"], each["revision"]) in new]) == []
    assert any(each["features"]["mean_1d"] != each["event"]["amount"] for each in ours), "the history counts in them"


def test_a_planted_difference_is_found(both: Both) -> None:
    ours, theirs = both.history
    planted = [dict(each) for each in theirs]
    planted[7] |= {"features": planted[7]["features"] | {"count_1h": 99.0}}
    name = (planted[7]["user"], planted[7]["event_id"], planted[7]["revision"])
    assert differences(ours, planted) == [name]
    assert differences(ours, theirs[1:]) != []


def test_what_the_log_has_got_since_the_job_began_is_refused_and_so_are_topics_that_others_write_to(both: Both) -> None:
    begun, used = both.refused
    assert "the score job has begun to decide" in begun
    assert "topic in use" in used


def test_the_log_of_another_system_is_refused(broker: str, tmp_path: pathlib.Path) -> None:
    settings = Settings(bootstrap=broker, topic_prefix="of-two.", folder=str(tmp_path))
    make_topics(settings)
    for name in ("one", "two"):
        other = Settings(runtime="solo", folder=str(tmp_path / name))
        writer_of(other.path(*LOGS), INPUT).append_at([Entry("events", b"u", name.encode())], START_MS + len(os.listdir(tmp_path)))
    assert carry_log(settings, tmp_path / "one", dry_run=True).written.total() == 1
    assert carry_log(settings, tmp_path / "one").written.total() == 1, "a dry run writes nothing"
    with pytest.raises(Refusal, match="history of another log"):
        carry_log(settings, tmp_path / "two")
    with pytest.raises(Refusal, match="no log"):
        carry_log(settings, tmp_path)


def test_a_record_carries_its_key_its_time_and_its_place(both: Both) -> None:
    [first, *_] = sorted(records(both.settings, "labels-resolved"), key=lambda message: message.timestamp())
    assert first.headers()[0][0] == "weir-place-in-log"
    assert b"\0" in first.key()
