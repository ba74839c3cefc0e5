"""Sequences of users and of their devices through Kafka and Flink: matches, their events, and absences are those of replay."""

import pathlib
import random

import msgspec
import numpy as np
import pytest
from parity import NOTHING, Parity
from score_job_runs import Json, cancel, decisions, produce_events, records, submitted, wait_for

from pipeline.engine.decisions.absence_record import absence_record
from pipeline.engine.decisions.decision import decisions_of
from pipeline.replay.replay import Replay

pytestmark = pytest.mark.flink
EVENTS = 4_000
START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
RULE = """
title: Small, small, large
owner: tests
status: active
sequence:
  key: {key}
  within: 8h
  steps:
    - {{name: small, when: event.amount < 3.0 && feature.{count} > 1.0, times: 2+}}
    - {{name: large, when: event.amount > 3.0 * small.mean(event.amount)}}
then: {{action: review, reason: "{{small.count}} small"}}
"""
SILENCE = """
title: Large, and then nothing
owner: tests
status: {status}
sequence:
  key: {key}
  within: 8h
  steps:
    - {{name: large, when: event.amount > 8.0}}
    - {{name: small, when: event.amount < 4.0, absent: true, gap: 3h}}
then: {{reason: "{{large.first(event.amount)}}, then nothing"}}
"""
PARITY = Parity(
    {
        "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [device, shop]
fields: {amount: {type: decimal, scale: 2, retain: true}, kind: {type: string, required: false}}
""",
        "features": "- {name: count_1d, template: count, window: 1d}\n- {name: devices_1d, template: count, entity: device, window: 1d}\n",
        "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
        "policy": "{score: first_ready(own), bands: [{below: 0.9, action: approve}, {action: block}], fallback: {action: review}}",
        "pattern:of_user": RULE.format(key="who", count="count_1d"),
        "pattern:of_device": RULE.format(key="device", count="devices_1d"),
        "pattern:of_shop": RULE.format(key="shop", count="").replace(" && feature. > 1.0", ' && event.kind != "b"'),
        "pattern:silent_user": SILENCE.format(key="who", status="active"),
        "pattern:silent_device": SILENCE.format(key="device", status="shadow"),
    },
    [],
)


def events() -> list[Json]:
    draw = random.Random(5)
    return [
        {
            "id": id,
            "at": START_MS + id * MINUTE_MS,
            "who": f"u{draw.randrange(40)}",
            "device": draw.choice([f"d{draw.randrange(40)}", None]),
            "shop": f"s{draw.randrange(60)}",
            "amount": draw.randrange(100, 1_000) / 100,
            "kind": draw.choice(["a", "b", None]),
        }
        for id in range(EVENTS)
    ]


def test_matches_and_absences_of_the_score_job_are_those_of_replay(broker: str, flink, tmp_path: pathlib.Path) -> None:
    replay, expected = Replay(PARITY.release, PARITY.history_of(events()), None), {}
    for verdicts, batch in replay.scored():
        n = len(batch)
        for each in decisions_of(verdicts, batch, np.zeros(n, np.uint8), np.zeros(n, np.int64), 0.0):
            expected[each.event_id] = msgspec.json.decode(msgspec.json.encode(each.matches))
    named = [match["pattern"] for matches in expected.values() for match in matches]
    assert min(named.count(rule) for rule in ("of_user", "of_device", "of_shop")) > 50
    absences = {each.id: msgspec.json.decode(msgspec.json.encode(absence_record(each, 1))) for each in replay.absences}
    assert min(sum(each.kind == kind for each in replay.absences) for kind in ("who", "device")) > 50
    settings = PARITY.fed(broker, flink, tmp_path, "sequences.", 1, [], NOTHING)
    produce_events(settings, events())
    job = submitted(flink, settings)
    streamed = {str(each["event_id"]): each["matches"] for each in decisions(settings, EVENTS)}
    assert streamed == expected

    def told() -> dict[str, Json]:
        found = [msgspec.json.decode(record.value() or b"") for record in records(settings, "alerts")]
        return {str(each["id"]): each for each in found}

    wait_for(lambda: len(told()) >= len(absences), 60, "absences do not come true")
    cancel(flink, job)
    assert told() == absences
