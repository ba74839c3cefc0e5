"""Facts of users and of their devices, and entries of a list, through Kafka and Flink: events are decided as by replay, bit for bit."""

import pathlib
import random

import msgspec
import pyarrow.parquet
import pytest
from parity import NOTHING, Parity, by_id
from score_job_runs import Json, cancel, decisions, produce, submitted

from patterns.entries import Change, Entry
from patterns.lists import DECLARATION
from pipeline.replay.replay import Replay
from pipeline.score_job.facts import fact_key
from pipeline.tables.fact_files import read_facts_file
from pipeline.tables.refused import RefusedRows

pytestmark = pytest.mark.flink
EVENTS = 4_000
START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
PARITY = Parity(
    {
        "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [device]
fields: {amount: {type: decimal, scale: 2, retain: true}}
facts: {who: {limit: number}, device: {verdict: {values: [good, fraud]}}}
""",
        "features": """
- {name: spent_1d, template: sum, value: event.amount, window: 1d}
- {name: over, expression: 'feature.spent_1d - entity.who.limit'}
- {name: bad_device, expression: 'entity.device.verdict == "fraud"'}
- {name: watched, expression: 'event.device in list.watched'}
""",
        "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
        "policy": "{score: first_ready(own), bands: [{below: 0.9, action: approve}, {action: block}], fallback: {action: review}}",
        "list:watched": DECLARATION,
    },
    [],
)


def events() -> list[Json]:
    draw = random.Random(3)
    who = [(f"u{draw.randrange(40)}", draw.choice([f"d{draw.randrange(40)}", None])) for _ in range(EVENTS)]
    return [
        {"id": id, "at": START_MS + id * MINUTE_MS, "who": user, "device": device, "amount": 2.5} for id, (user, device) in enumerate(who)
    ]


def facts() -> list[Json]:
    draw = random.Random(4)
    made: list[Json] = []
    for number in range(150):
        kind, name, value = draw.choice([("who", "limit", draw.randrange(20)), ("device", "verdict", draw.choice(["good", "fraud"]))])
        since = START_MS + draw.randrange(EVENTS) * MINUTE_MS
        said = draw.choice([{"value": value}, {"value": value}, {"op": "delete"}, {"value": value, "expires": since + 500 * MINUTE_MS}])
        made.append(
            {"kind": kind, "entity": f"{kind[0]}{draw.randrange(40)}".replace("w", "u"), "name": name, "since": since, "written": number}
            | said
        )
    return made


WATCHED = [Change("watched", f"d{number}", Entry("watched", f"d{number}", START_MS + number * 90 * MINUTE_MS)) for number in range(20)]


def test_facts_and_entries_of_lists_reach_the_decisions_of_the_score_job_as_those_of_replay(
    broker: str, flink, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "facts.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, facts())))
    told = read_facts_file(tmp_path / "facts.jsonl", PARITY.release.schema, RefusedRows())
    assert len(told) == 150
    Replay(PARITY.release, PARITY.history_of(events()), None, facts=told, entries=WATCHED).run(tmp_path)
    expected = pyarrow.parquet.read_table(tmp_path / "decisions.parquet").to_pylist()
    for name in ("over", "bad_device", "watched"):
        assert sum(row["features"][name] in (0.0, 1.0) or name == "over" for row in expected) > 300
    assert 100 < sum(row["features"]["watched"] == 1.0 for row in expected) < 2_000
    settings = PARITY.fed(broker, flink, tmp_path, "facts.", 1, [], NOTHING)
    records = [
        (fact_key(str(each["kind"]), str(each["entity"]), str(each["name"])).decode(), msgspec.json.encode(each)) for each in facts()
    ]
    produce(settings, "facts", records)
    produce(settings, "entries", [(key, value) for key, value in (change.record() for change in WATCHED) if value is not None])
    produce(settings, "events", [(str(event["who"]), msgspec.json.encode(event)) for event in events()])
    job = submitted(flink, settings)
    streamed = by_id(decisions(settings, EVENTS))
    cancel(flink, job)
    assert PARITY.differences(streamed, expected)[:20] == []
