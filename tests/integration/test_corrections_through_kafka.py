"""Corrections and retractions through Kafka and Flink, against replay of what the topic holds."""

import itertools
import math
import pathlib
import random

import msgspec
import pyarrow.parquet
import pytest
from score_job_runs import (
    START_MS,
    cancel,
    decided,
    decisions,
    prepared,
    produce,
    produce_events,
    records,
    submitted,
    submitted_in_arrival_mode,
    wait_for,
)
from score_job_runs import TEXTS as PAYMENTS

from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Outcome, Replay
from pipeline.tables.event_files import read_history

FEATURES = """
- {name: kinds_1d, template: distinct, value: event.kind, window: 1d}
- {name: at_pair_1d, template: count, entity: [who, shop], window: 1d}
- {name: shop_kinds, template: distinct, entity: shop, value: event.kind, window: 1d}
"""
TEXTS = PAYMENTS | {
    "schema": PAYMENTS["schema"].replace("retain: true}}", "retain: true}, kind: {type: string, retain: true}}"),
    "features": PAYMENTS["features"] + FEATURES,
}
RELEASE = compile_release(1, TEXTS)
EVENTS = 3_000
Event = dict[str, object]


def some_event(draw: random.Random, id: int, at: int, shops_of_their_own: bool) -> Event:
    """Where each user has a shop of their own, no key is written to by two partitions."""
    user = draw.randrange(200)
    shop = f"s{user if shops_of_their_own else draw.randrange(40)}" if draw.random() < 0.9 else None
    kind = draw.choice(["books", "toys", "food"])
    return {"id": id, "at": at, "who": f"u{user}", "shop": shop, "amount": draw.randrange(1, 99_999) / 100, "kind": kind}


def stream(seed: int, shops_of_their_own: bool) -> list[Event]:
    """Events in order of time; each tenth is followed by a change to an earlier one, a repeat of one, or one of no event."""
    draw = random.Random(seed)
    events: list[Event] = []
    retracted: set[object] = set()
    at = START_MS
    for id in range(EVENTS):
        at += draw.choice((0, 1, 500, 9_000))
        events.append(some_event(draw, id, at, shops_of_their_own))
        if draw.random() < 0.1:
            before = draw.choice(events[-400:])
            event = before | draw.choice([changed(draw), changed(draw), {"op": "retract"}, {}, {"id": -id, "op": "correct"}])
            if event.get("op") == "retract":
                retracted.add(event["id"])
            if "op" in event or event["id"] not in retracted:
                events.append(event)
    return events


def changed(draw: random.Random) -> Event:
    return {"op": "correct", "amount": draw.randrange(1, 99_999) / 100, "kind": draw.choice(["books", "toys", "food"])}


def replayed(partitions: list[list[bytes]], order: str, folder: pathlib.Path, frozen: tuple = ()) -> tuple[list[Event], Outcome, Replay]:
    folder.mkdir(exist_ok=True)
    paths = []
    for number, values in enumerate(partitions):
        paths.append(folder / f"{number}.jsonl")
        paths[-1].write_bytes(b"\n".join(values))
    replay = Replay(RELEASE, read_history(paths, RELEASE.schema, order), None, frozen=frozen)
    outcome = replay.run(folder)
    return pyarrow.parquet.read_table(folder / "decisions.parquet").to_pylist(), outcome, replay


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory) -> tuple:
    """Learned from other events, so that the global model scores from the first event on."""
    values = [msgspec.json.encode(event) for event in stream(9, False) if "op" not in event]
    _, _, replay = replayed([values], "arrival", tmp_path_factory.mktemp("learned"))
    assert [snapshot.model for snapshot in replay.published.values()] == ["shape"]
    return tuple(replay.published.values())


def on_topic(settings) -> list[list[bytes]]:
    """The events as they lie in each partition."""
    messages = sorted(records(settings, "events"), key=lambda message: (message.partition(), message.offset()))
    return [[message.value() for message in own] for _, own in itertools.groupby(messages, key=lambda message: message.partition())]


def said(decision: Event, models: dict[str, object]) -> dict[str, object]:
    numbers = {**decision["features"], **models, "score": decision["score"]}
    plain = {name: None if number is None or math.isnan(number) else number for name, number in numbers.items()}
    return plain | {name: decision[name] for name in ("action", "user", "release")}


def said_by_replay(row: Event) -> dict[str, object]:
    return said(row, {name: row[f"model.{name}"] for name in ("shape", "own")})


def said_by_job(decision: Event) -> dict[str, object]:
    return said(decision, {name: score["score"] for name, score in decision["models"].items()})


def by_revision(rows: list[Event]) -> dict[tuple[object, object], Event]:
    return {(row["event_id"], row["revision"]): row for row in rows}


def differences(streamed: list[Event], expected: list[Event]) -> list[str]:
    one, other = by_revision(streamed), by_revision(expected)
    found = [f"{key} only on one side" for key in one.keys() ^ other.keys()]
    pairs = [(key, said_by_job(one[key]), said_by_replay(other[key])) for key in one.keys() & other.keys()]
    return found + [f"{key}: {given} and {wanted}" for key, given, wanted in pairs if given != wanted]


def test_events_and_their_corrections_by_event_time_are_decided_as_in_replay(broker: str, flink, tmp_path, snapshots) -> None:
    flink.scale(2)
    settings = prepared(broker, flink, tmp_path, "corrected.", TEXTS, parallelism=2)
    produce(settings, "models", [(snapshot.model, snapshot.encode()) for snapshot in snapshots])
    produce_events(settings, stream(1, shops_of_their_own=False))
    expected, outcome, _ = replayed(on_topic(settings), "time", tmp_path / "replay", snapshots)
    job = submitted(flink, settings)
    streamed = decisions(settings, len(expected))
    refused = outcome.unscored["unknown"] + outcome.unscored["id reused"]
    wait_for(lambda: len(records(settings, "dead-letters")) >= refused, 60, "no dead letters")
    cancel(flink, job)
    assert differences(streamed, expected) == []
    assert decided(settings) == len(expected)
    assert len(records(settings, "dead-letters")) == refused
    assert {row["revision"] for row in expected} >= {0, 1, 2}
    assert any(decision["flags"] == ["retracted"] for decision in streamed)
    assert any(decision["revision"] and decision["models"]["shape"]["score"] is not None for decision in streamed)


@pytest.mark.long
def test_by_arrival_too_and_afterwards_all_is_as_if_it_had_been_right_from_the_start(broker: str, flink, tmp_path, snapshots) -> None:
    flink.scale(2)
    settings = prepared(broker, flink, tmp_path, "amended.", TEXTS, parallelism=2, entity_wait_ms=60_000)
    produce(settings, "models", [(snapshot.model, snapshot.encode()) for snapshot in snapshots])
    job = submitted_in_arrival_mode(flink, settings)
    events = stream(2, shops_of_their_own=True)
    draw = random.Random(3)
    end = max(event["at"] for event in events)
    afterwards = [some_event(draw, EVENTS + number, end + number, shops_of_their_own=True) for number in range(300)]
    produce_events(settings, events + afterwards)
    expected, _, _ = replayed(on_topic(settings), "arrival", tmp_path / "replay", snapshots)
    streamed = decisions(settings, len(expected))
    cancel(flink, job)
    assert differences(streamed, expected) == []
    truth, _, _ = replayed([[msgspec.json.encode(event) for event in in_truth(events) + afterwards]], "time", tmp_path / "truth", snapshots)
    last = {str(event["id"]) for event in afterwards}
    features_of = [{row["event_id"]: row["features"] for row in rows if row["event_id"] in last} for rows in (streamed, truth)]
    assert len(features_of[0]) == 300
    assert features_of[0] == features_of[1]


def in_truth(events: list[Event]) -> list[Event]:
    """What a sender would have sent who had known from the start."""
    standing: dict[object, Event] = {}
    for event in events:
        id, op = event["id"], event.get("op", "add")
        plain = {name: value for name, value in event.items() if name != "op"}
        if op == "retract":
            standing.pop(id, None)
        elif (id in standing) == (op == "correct"):
            standing[id] = plain
    return sorted(standing.values(), key=lambda event: (event["at"], event["id"]))
