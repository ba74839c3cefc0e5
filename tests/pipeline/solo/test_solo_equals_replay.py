"""A solo system decides as `weir replay --order arrival` does of its own log, bit for bit: on the samples, and on random configurations."""

import pathlib
import random
import tempfile
from collections.abc import Callable

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
from decided_case import START_MS, Case, Json, replayed, served
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from template_streams import CASES, definitions_of, yaml_of

from deploy.command import SAMPLES
from features.schema.event import ADD
from patterns.entries import Change
from patterns.entries import Entry as ListEntry
from patterns.lists import DECLARATION
from pipeline.engine.decisions.absence_record import absence_record
from pipeline.engine.fact_record import FactRecord
from pipeline.replay.replay import Replay
from pipeline.trial.configuration_folder import read_texts

pytestmark = pytest.mark.slow

SILENCE = """
title: Nobody pays again
owner: tests
status: {status}
sequence:
  key: {key}
  within: 2h
  emit: {emit}
  steps:
    - {{name: pay, when: event.amount > 700.0}}
    - {{name: again, when: event.amount < 300.0, absent: true, gap: 40m}}
then: {{reason: "{{pay.first(event.amount)}} paid, and nothing again"}}
"""


@pytest.mark.parametrize("ends_after", [1 << 60, 3])
def test_absences_at_the_ends_of_sequences_are_those_of_a_replay(tmp_path: pathlib.Path, ends_after: int) -> None:
    draw = random.Random(7)
    rules = {
        "pattern:of_customer": SILENCE.format(status="active", key="customer_id", emit="first"),
        "pattern:of_device": SILENCE.format(status="shadow", key="device_id", emit="each"),
    }
    events = [payment(draw)(number, START_MS + 60_000 * number) for number in range(400)]
    texts = {name: text for name, text in read_texts(SAMPLES / "payments").items() if not name.startswith("pattern")}
    case = Case(texts | rules, [msgspec.json.encode(event) for event in events])
    replay = Replay(case.release, case.history(case.events), None)
    assert replay.run(tmp_path / "replay").absences == len(replay.absences) > 20
    rows = pyarrow.parquet.read_table(tmp_path / "replay" / "alerts.parquet").to_pylist()
    assert [row["id"] for row in rows] == [each.id for each in sorted(replay.absences, key=lambda each: (each.deadline_ms, each.id))]
    wanted = {each.id: msgspec.json.decode(msgspec.json.encode(absence_record(each, 1))) for each in replay.absences}
    ran = served(case, tmp_path / "solo", [50], ends_after, wanted.keys())
    assert ran.absences == wanted
    assert len(ran.decisions) == len(case.events), "each event is decided once, whatever stands first among the outcomes of its batch"


def changed(draw: random.Random, event: Json, other: Json) -> Json:
    """The event again: as it was, with another body, corrected or retracted."""
    return event | draw.choice([{}, other, other | {"op": "correct"}, other | {"op": "correct"}, {"op": "retract"}])


def arrivals(
    draw: random.Random, count: int, make: Callable[[int, int], Json], other: Callable[[], Json], late_ms: int, step_ms: int
) -> list:
    """Events as `make` makes them of number and time: some late or too late, some again in some way."""
    at, made, found = START_MS, [], []
    for number in range(count):
        at += draw.choice((0, 0, 1, step_ms // 20, step_ms))
        made.append(make(number, at - (draw.randrange(2 * late_ms) if draw.random() < 0.1 else 0)))
        found.append(made[-1])
        if draw.random() < 0.15:
            found.append(changed(draw, draw.choice(made[-30:]), other()))
    return found


def payment(draw: random.Random) -> Callable[[int, int], Json]:
    return lambda number, at: {
        "payment_id": number, "at": at, "customer_id": f"c{draw.randrange(30)}", "terminal_id": f"t{draw.randrange(9)}",
        "device_id": f"d{draw.randrange(20)}", "amount": draw.randrange(100, 90_000) / 100, "currency": "EUR", "merchant_category": "books",
    }  # fmt: skip


def card(draw: random.Random) -> Callable[[int, int], Json]:
    return lambda number, at: {
        "TRANSACTION_ID": number, "TX_DATETIME": at, "CUSTOMER_ID": f"c{draw.randrange(30)}", "TERMINAL_ID": f"t{draw.randrange(9)}",
        "TX_AMOUNT": draw.randrange(100, 90_000) / 100,
    }  # fmt: skip


def view(draw: random.Random) -> Callable[[int, int], Json]:
    return lambda number, at: {
        "view_id": f"v{number}", "left_at": np.datetime64(at, "ms").item().isoformat() + "Z", "reader_id": f"r{draw.randrange(30)}",
        "device_id": f"d{draw.randrange(20)}", "section": draw.choice(["news", "sport", "arts"]), "premium": draw.random() < 0.3,
        "reading": {"seconds": draw.expovariate(1 / 60), "scrolled": draw.random()},
    }  # fmt: skip


SAMPLES_EVENTS = {
    "payments": (payment, lambda draw: {"amount": draw.randrange(100, 90_000) / 100}),
    "cards": (card, lambda draw: {"TX_AMOUNT": draw.randrange(100, 90_000) / 100}),
    "engagement": (view, lambda draw: {"reading": {"seconds": draw.random(), "scrolled": draw.random()}}),
}


@pytest.mark.parametrize("sample", SAMPLES_EVENTS)
def test_the_samples_are_decided_as_by_a_replay_of_the_log_bit_for_bit(sample: str, tmp_path: pathlib.Path) -> None:
    draw = random.Random(sample)
    make, other = SAMPLES_EVENTS[sample]
    lesson = [msgspec.json.encode(make(draw)(number, START_MS + 60_000 * number)) for number in range(1_000)]
    events = arrivals(draw, 600, make(draw), lambda: other(draw), 900_000, 1_800_000)
    case = Case(read_texts(SAMPLES / sample), [msgspec.json.encode(event) for event in events], range(0, len(events), 7), lesson)
    case.labels = [place for place in case.labels if case.events[place].op == ADD]
    ours, expected = served(case, tmp_path, [200, 1, 37], ends_after=9).decisions, replayed(case)
    assert len(expected) > 550
    assert ours == expected
    assert any(model["snapshot"] is not None for each in ours for model in each["models"].values())  # type: ignore[attr-defined]


def test_a_planted_difference_is_found(tmp_path: pathlib.Path) -> None:
    draw = random.Random(1)
    events = arrivals(draw, 200, payment(draw), dict, 900_000, 1_800_000)
    values = [msgspec.json.encode(event) for event in events]
    case = Case(read_texts(SAMPLES / "payments"), values)
    events[100] |= {"amount": round(float(str(events[100]["amount"])) + 0.01, 2)}
    planted = Case(case.texts, [msgspec.json.encode(event) for event in events])
    assert served(case, tmp_path, [50]).decisions != replayed(planted)


SCHEMA = """
id: {field: id, type: integer}
time: {field: time, unit: ms}
user: user
entities: [shop, device]
fields:
  amount: {type: decimal, scale: 2, required: false, retain: true}
  x: {type: float, required: false, retain: true}
  category: {type: string, required: false}
  latitude: {type: float, required: false}
  longitude: {type: float, required: false}
facts: {user: {limit: number}, shop: {open: boolean}}
retention: 60d
"""
ALWAYS = [
    {"name": "over", "expression": "event.amount - entity.user.limit"},
    {"name": "watched", "expression": "event.shop in list.watched"},
    {"name": "open", "expression": "entity.shop.open"},
]
MODELS = {
    "shape": "{name: shape, kind: river, model: anomaly.HalfSpaceTrees, scope: global, publish_every: 1h, inputs: [event.amount, event.x], "
    "parameters: {window_size: 20, seed: 7}}",
    "taught": "{name: taught, kind: river, model: linear_model.LogisticRegression, scope: global, learns: labels, publish_every: 1h, "
    "inputs: [event.amount, event.x]}",
    "own": "{name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}",
    "of_shop": "{name: of_shop, kind: river, model: anomaly.GaussianScorer, scope: shop, inputs: [event.x], parameters: {grace_period: 2}}",
    "quantile": "{name: quantile, kind: river, model: stats.DecayedQuantile, scope: user, inputs: [event.amount]}",
}


def case_of(seed: int) -> tuple[Case, list[int], int]:
    """A configuration, what comes to it, the sizes of the parts in which it comes, and when the process ends in between."""
    draw = random.Random(seed)
    features = list(ALWAYS)
    for number, template in enumerate(draw.sample(sorted(CASES), draw.randrange(1, 7))):
        features.append({**draw.choice(definitions_of(template)), "name": f"f{number}"})
    models = draw.sample(sorted(MODELS), draw.randrange(1, 4))
    lateness = draw.choice(["1m", "10m", "2h"])
    band = draw.choice([0.3, 0.6])
    texts = {
        "schema": SCHEMA + f"lateness: {lateness}\n",
        "features": yaml_of(features),
        "models": "".join(f"- {MODELS[name]}\n" for name in models),
        "policy": f"score: first_ready({', '.join(models)})\nbands: [{{below: {band}, action: approve}}, {{below: 0.9, action: review}}, "
        "{action: block}]\nfallback: {action: review}\n",
        "list:watched": DECLARATION,
    }

    def make(number: int, at: int) -> Json:
        return {
            "id": number, "time": at, "user": f"u{draw.randrange(6)}", "category": draw.choice("aaabc"),
            "shop": f"s{draw.randrange(4)}" if draw.random() < 0.9 else None,
            "device": f"d{draw.randrange(3)}" if draw.random() < 0.8 else None,
            "amount": draw.randrange(1, 9_999) / 100 if draw.random() < 0.95 else None,
            "x": draw.gauss(0, 5) if draw.random() < 0.9 else None,
            "latitude": draw.uniform(-60, 60) if draw.random() < 0.7 else None, "longitude": draw.uniform(-180, 180),
        }  # fmt: skip

    count = draw.randrange(20, 250)
    events = arrivals(draw, count, make, lambda: {"amount": draw.randrange(1, 9_999) / 100}, 1_800_000, draw.choice([20_000, 7_200_000]))
    values = [msgspec.json.encode(event) for event in events]
    labelled = [place for place, event in enumerate(events) if "op" not in event and draw.random() < 0.2]
    lesson = [msgspec.json.encode(make(number, START_MS + 60_000 * number)) for number in range(200)]
    facts = [FactRecord(kind="user", entity=f"u{n}", name="limit", since=START_MS + 50_000 * n, value=n) for n in range(4)]
    facts += [FactRecord(kind="shop", entity=f"s{n}", name="open", since=START_MS + 90_000 * n, value=n % 2 == 0) for n in range(3)]
    entries = [Change("watched", shop, ListEntry("watched", shop)) for shop in ("s0", "s2")]
    sizes = [draw.choice([1, 2, 9, 60, 300]) for _ in range(3)]
    return Case(texts, values, labelled, lesson, facts, entries), sizes, draw.randrange(20)


@given(st.integers(0, 1 << 32))
@settings(max_examples=examples(12))
def test_random_configurations_and_streams_are_decided_as_by_a_replay_of_the_log(seed: int) -> None:
    case, sizes, ends_after = case_of(seed)
    with tempfile.TemporaryDirectory() as folder:
        ours = served(case, pathlib.Path(folder), sizes, ends_after).decisions
    assert ours == replayed(case)
