"""Features of texts and of pairs, corrections among the events: the stages against replay."""

import math
import random

import msgspec
import pyarrow.parquet
import pytest
from imitation import Imitation

from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop, device]
fields:
  amount: {type: decimal, scale: 2, retain: true}
  kind: {type: string, retain: true}
  note: {type: string, required: false}
lateness: 10m
""",
    "features": """
- {name: kinds_1d, template: distinct, value: event.kind, window: 1d}
- {name: books_1d, template: count, where: 'event.kind == "books"', window: 1d}
- {name: at_pair_1d, template: count, entity: [who, shop], window: 1d}
- {name: pair_risk, template: label_rate, entity: [shop, device], window: 1d}
- {name: shop_kinds, template: distinct, entity: shop, value: event.kind, window: 1d}
- {name: shop_users, template: distinct, entity: shop, value: event.who, window: 1d}
- {name: noted_at_shop, template: sum, entity: shop, value: event.amount, where: 'has(event.note) && event.note != "x"', window: 1d}
- {name: both, expression: 'feature.shop_kinds + feature.kinds_1d'}
""",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{below: 0.9, action: approve}, {action: block}], fallback: {action: review}}",
}
START_MS = 1_700_000_000_000
Event = dict[str, object]


def sent(count: int = 400, seed: int = 4) -> list[Event]:
    """In order of time; corrections and retractions come some events after theirs."""
    draw = random.Random(seed)
    events: list[Event] = []
    at = START_MS
    for id in range(count):
        at += draw.randrange(60_000)
        events.append(some_event(draw, id, at))
        before = draw.choice(events)
        if draw.random() < 0.3 and "op" not in before:
            changed = some_event(draw, 0, 0) | {name: before[name] for name in ("id", "at", "who", "shop", "device")}
            events.append(draw.choice([changed | {"op": "correct"}, before | {"op": "retract"}]))
    return events


def some_event(draw: random.Random, id: int, at: int) -> Event:
    return {
        "id": id,
        "at": at,
        "who": f"u{draw.randrange(6)}",
        "shop": draw.choice(["s1", "s2", "s3", None]),
        "device": draw.choice(["d1", "d2", None]),
        "amount": draw.randrange(1, 9_999) / 100,
        "kind": draw.choice(["books", "toys", "food"]),
        "note": draw.choice(["x", "y", None]),
    }


def job_of(texts: dict[str, str] = TEXTS) -> Imitation:
    job = Imitation()
    job.release(1, texts)
    return job


def send(job: Imitation, events: list[Event], size: int) -> None:
    for first in range(0, len(events), size):
        job.events([msgspec.json.encode(event) for event in events[first : first + size]])


def said(decision: dict[str, object]) -> list[object]:
    numbers = [decision["score"], *decision["features"].values()]
    return [decision["event_id"], decision["revision"], decision["action"], *[None if n is None or math.isnan(n) else n for n in numbers]]


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 33, 1_000])
def test_the_stages_decide_as_replay_does_with_texts_pairs_and_corrections(tmp_path, size: int) -> None:
    events = sent()
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(msgspec.json.encode(event) for event in events))
    release = compile_release(1, TEXTS)
    outcome = Replay(release, read_history([tmp_path / "events.jsonl"], release.schema, "arrival"), None).run(tmp_path)
    replayed = pyarrow.parquet.read_table(tmp_path / "decisions.parquet").to_pylist()
    job = job_of()
    send(job, events, size)
    assert [said(decision) for decision in job.decisions()] == [said(row) for row in replayed]
    assert len(job.out["X"]) == outcome.unscored["unknown"] > 0
    assert {row["revision"] for row in replayed} >= {0, 1, 2}
    assert (outcome.unscored["corrected"], outcome.unscored["retracted"]) > (10, 10)


def test_a_pair_is_one_key_and_an_event_without_a_half_has_none() -> None:
    job = job_of()
    event = some_event(random.Random(1), 1, START_MS) | {"who": "u", "shop": "s"}
    send(job, [event | {"id": id, "shop": shop} for id, shop in enumerate(["s", "s", None, "t", "s"])], 5)
    counts = [decision["features"]["at_pair_1d"] for decision in job.decisions()]
    assert counts == [1, 2, None, 1, 3]
    assert not any("degraded" in decision["flags"] for decision in job.decisions())


def test_a_label_of_a_pair_is_seen_by_its_next_event() -> None:
    job = job_of()
    event = some_event(random.Random(1), 1, START_MS) | {"shop": "s", "device": "d"}
    send(job, [event], 1)
    label = {"event_id": "1", "id_key": 1, "event_time": START_MS, "label": 1, "label_time": START_MS + 5, "user": event["who"]}
    job.labels([("shop+device", "s\x1fd", label)], user_kind="who")
    send(job, [event | {"id": 2, "at": START_MS + 9}], 1)
    assert job.decisions()[1]["features"]["pair_risk"] == 0.5


def test_a_new_feature_over_retained_texts_of_an_entity_is_warm_after_a_restart() -> None:
    added = """- {name: toys_at_shop, template: count, entity: shop, where: 'event.kind == "toys"', window: 1d}\n"""
    texts = TEXTS | {"features": TEXTS["features"] + added}
    events = [event for event in sent() if "op" not in event]
    before, always = job_of(), job_of(texts)
    send(before, events[:300], 100)
    before.checkpoint()
    after = Imitation(before.entity_state, before.user_state)
    after.release(2, texts)
    send(after, events[300:], 100)
    send(always, events, 100)
    assert [said(decision)[3:] for decision in after.decisions()] == [said(decision)[3:] for decision in always.decisions()[300:]]


def test_an_entity_whose_history_lacks_a_new_feature_s_field_makes_the_decision_warming() -> None:
    job = job_of()
    events = [event | {"shop": "s", "who": f"u{at}"} for at, event in enumerate(sent(6)) if "op" not in event]
    send(job, events, 100)
    added = "- {name: notes_at_shop, template: distinct, entity: shop, value: event.note, window: 1d}\n"
    job.release(2, TEXTS | {"features": TEXTS["features"] + added})
    send(job, [events[-1] | {"id": 1_000, "who": "u0"}], 1)
    before, after = job.decisions()[-2:]
    assert "warming" not in before["flags"]
    assert "warming" in after["flags"]
