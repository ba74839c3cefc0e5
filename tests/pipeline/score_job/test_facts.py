"""Facts of entities in the stages and in replay, as expressions read them."""

import math
import random

import msgspec
import pyarrow.parquet
import pytest
from imitation import Imitation

from foundation.place import ExpressionRefusal
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.fact_record import read_fact
from pipeline.replay.replay_command import replay_files
from pipeline.training.export_command import export_replayed

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop, device]
fields: {amount: {type: decimal, scale: 2, retain: true}}
facts:
  who: {vip: boolean, limit: number}
  device: {verdict: {values: [good, fraud]}}
""",
    "features": """
- {name: spent_1d, template: sum, value: event.amount, window: 1d}
- {name: at_shop_1d, template: count, entity: shop, window: 1d}
- {name: is_vip, expression: 'entity.who.vip'}
- {name: over, expression: 'event.amount - entity.who.limit'}
- {name: bad_device, expression: 'has(entity.device.verdict) && entity.device.verdict == "fraud"'}
- {name: known, expression: 'has(entity.device.verdict)'}
""",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{below: 0.9, action: approve}, {action: block}], fallback: {action: review}}",
}
START_MS = 1_700_000_000_000
MINUTE_MS = 60_000


def event(id: int, at_ms: int, **more: object) -> dict[str, object]:
    return {"id": id, "at": at_ms, "who": "u0", "shop": "s0", "device": "d0", "amount": 1.0} | more


def fact(kind: str, entity: str, name: str, value: object, since: int, **more: object) -> dict[str, object]:
    record = {"kind": kind, "entity": entity, "name": name, "since": since}
    return record | ({"op": "delete"} if value is None else {"value": value}) | more


def told(job: Imitation, *facts: dict[str, object]) -> None:
    job.facts([(str(each["kind"]), str(each["entity"]), str(each["name"]), each) for each in facts], "who")


def decide(job: Imitation, *events: dict[str, object]) -> list[dict[str, float | None]]:
    before = len(job.decisions())
    job.events([msgspec.json.encode(each) for each in events])
    return [decision["features"] for decision in job.decisions()[before:]]


@pytest.fixture
def job() -> Imitation:
    job = Imitation()
    job.release(1, TEXTS)
    return job


def test_a_fact_holds_for_events_from_its_own_time_on_and_up_to_its_end(job: Imitation) -> None:
    told(job, fact("who", "u0", "vip", True, START_MS + 10, expires=START_MS + 20), fact("device", "d0", "verdict", "fraud", START_MS + 15))
    found = decide(job, *[event(id, START_MS + at) for id, at in enumerate([9, 10, 15, 19, 20])])
    assert [each["is_vip"] for each in found] == [None, 1, 1, 1, None]
    assert [each["bad_device"] for each in found] == [0, 0, 1, 1, 1]


def test_the_newest_fact_replaces_a_deletion_ends_it_and_a_record_without_a_value_takes_it_off(job: Imitation) -> None:
    told(
        job,
        fact("who", "u0", "limit", 5, START_MS),
        fact("who", "u0", "limit", 0.25, START_MS + 10),
        fact("who", "u0", "limit", None, START_MS + 20),
    )
    found = decide(job, *[event(id, START_MS + at) for id, at in enumerate([0, 10, 20])])
    assert [each["over"] for each in found] == [-4, 0.75, None]
    told(job, fact("who", "u0", "limit", 2, START_MS + 30))
    assert decide(job, event(7, START_MS + 30))[0]["over"] == -1
    job.facts([("who", "u0", "limit", None)], "who")
    assert decide(job, event(8, START_MS + 31))[0]["over"] is None


def test_a_fact_that_nobody_has_said_is_missing_and_other_entities_have_none_of_it(job: Imitation) -> None:
    told(job, fact("device", "d0", "verdict", "good", START_MS))
    found = decide(job, event(1, START_MS), event(2, START_MS, device="d1"), event(3, START_MS, device=None))
    assert [(each["known"], each["bad_device"], each["is_vip"]) for each in found] == [(1, 0, None), (0, 0, None), (0, 0, None)]


def test_facts_outlive_a_restart_with_the_state_of_the_stages(job: Imitation) -> None:
    told(job, fact("who", "u0", "vip", True, START_MS), fact("device", "d0", "verdict", "fraud", START_MS))
    job.checkpoint()
    later = Imitation(job.entity_state, job.user_state)
    later.release(1, TEXTS)
    assert [(each["is_vip"], each["bad_device"]) for each in decide(later, event(1, START_MS))] == [(1, 1)]


def test_state_from_before_facts_were_declared_goes_on_and_facts_wait_for_their_declaration() -> None:
    before = TEXTS | {
        "schema": TEXTS["schema"][: TEXTS["schema"].index("facts:")],
        "features": "\n".join(line for line in TEXTS["features"].splitlines() if "entity." not in line) + "\n",
    }
    job = Imitation()
    job.release(1, before)
    decide(job, event(1, START_MS))
    told(job, fact("who", "u0", "vip", True, START_MS))
    job.checkpoint()
    job.release(2, TEXTS)
    [found] = decide(job, event(2, START_MS + 1))
    assert (found["spent_1d"], found["at_shop_1d"], found["is_vip"], found["known"]) == (2, 2, 1, 0)


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        (("who", "u0", "vip"), fact("who", "u0", "vip", "yes", START_MS), "not a value of entity.who.vip"),
        (("device", "d0", "verdict"), fact("device", "d0", "verdict", "evil", START_MS), "not a value of entity.device.verdict"),
        (("who", "u1", "vip"), fact("who", "u0", "vip", True, START_MS), "fact under another key"),
        (("till", "t0", "vip"), fact("till", "t0", "vip", True, START_MS), "unknown type of entity"),
        (("who", "u0", "vip"), {"kind": "who"}, "bad fact"),
        (("who", "u0", "vip"), fact("who", "u0", "vip", True, START_MS, expires=START_MS), "fact that ends before it begins"),
        (("who", "u0", "vip"), {"kind": "who", "entity": "u0", "name": "vip", "since": 1, "value": True, "op": "delete"}, "bad fact"),
    ],
)
def test_a_record_that_is_no_fact_is_a_dead_letter_and_changes_nothing(job: Imitation, key, value, what: str) -> None:
    job.facts([(*key, value)], "who")
    [(_, letter)] = job.out["X"]
    decoded = msgspec.json.decode(letter)
    assert (decoded["reason"]["what"], decoded["topic"]) == (what, "facts")
    assert decide(job, event(1, START_MS))[0]["is_vip"] is None


def test_an_expression_that_reads_an_undeclared_fact_is_refused_with_line_and_column() -> None:
    features = TEXTS["features"] + "- {name: wrong, expression: 'entity.who.vop'}\n"
    with pytest.raises(ExpressionRefusal) as caught:
        compile_release(1, TEXTS | {"features": features})
    assert (caught.value.where, caught.value.remedy) == ("features.yaml:8:41", "did you mean entity.who.vip?")


def test_a_fact_has_a_type_in_expressions() -> None:
    features = TEXTS["features"] + "- {name: wrong, expression: 'entity.who.vip > 3.0'}\n"
    with pytest.raises(Refusal, match=r"features\.yaml:8"):
        compile_release(1, TEXTS | {"features": features})


def test_windows_read_no_facts_because_history_keeps_events_alone() -> None:
    features = TEXTS["features"] + "- {name: wrong, template: count, where: 'entity.who.vip', window: 1h}\n"
    with pytest.raises(Refusal, match=r"features\.yaml:8"):
        compile_release(1, TEXTS | {"features": features})


def some_facts(draw: random.Random, count: int) -> list[dict[str, object]]:
    choices = [
        ("who", "u", "vip", [True, False, None]),
        ("who", "u", "limit", [1, 2.5, None]),
        ("device", "d", "verdict", ["good", "fraud", None]),
    ]
    facts = []
    for number in range(count):
        kind, letter, name, values = draw.choice(choices)
        since = START_MS + draw.randrange(200 * MINUTE_MS)
        more = {"expires": since + draw.randrange(1, 50 * MINUTE_MS)} if draw.random() < 0.3 else {}
        facts.append(fact(kind, f"{letter}{draw.randrange(3)}", name, draw.choice(values), since, written=number, **more))
    return facts


@pytest.mark.parametrize("size", [1, 33, 1_000])
def test_the_stages_decide_as_replay_does_with_facts(tmp_path, size: int) -> None:
    draw = random.Random(11)
    events = [
        event(
            id,
            START_MS + id * MINUTE_MS,
            who=f"u{draw.randrange(3)}",
            shop=draw.choice(["s0", None]),
            device=draw.choice(["d0", "d1", None]),
        )
        for id in range(200)
    ]
    facts = sorted(some_facts(draw, 12), key=lambda each: int(str(each["since"])))
    config = tmp_path / "config"
    config.mkdir()
    for part, text in TEXTS.items():
        (config / f"{part}.yaml").write_text(text)
    for name, rows in (("events", events), ("facts", facts)):
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    replay_files([tmp_path / "events.jsonl"], config, out=tmp_path, facts_path=tmp_path / "facts.jsonl")
    replayed = pyarrow.parquet.read_table(tmp_path / "decisions.parquet")["features"].to_pylist()
    job = Imitation()
    job.release(1, TEXTS)
    told(job, *facts)
    streamed = [each for first in range(0, len(events), size) for each in decide(job, *events[first : first + size])]
    assert [list(each.values()) for each in streamed] == [[none_if_missing(value) for value in each.values()] for each in replayed]
    for name in ("is_vip", "over", "bad_device"):
        assert len({each[name] for each in streamed}) > 2 - (name == "bad_device"), name


def none_if_missing(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def test_replay_refuses_lines_that_are_no_facts_and_counts_them(tmp_path, capsys) -> None:
    config = tmp_path / "config"
    config.mkdir()
    for part, text in TEXTS.items():
        (config / f"{part}.yaml").write_text(text)
    (tmp_path / "events.jsonl").write_bytes(msgspec.json.encode(event(1, START_MS)))
    lines = [fact("who", "u0", "vip", True, START_MS), fact("who", "u0", "vop", True, START_MS), fact("who", "u0", "vip", 3, START_MS)]
    (tmp_path / "facts.jsonl").write_bytes(b"\n".join(msgspec.json.encode(line) for line in lines))
    replay_files([tmp_path / "events.jsonl"], config, out=tmp_path, facts_path=tmp_path / "facts.jsonl")
    assert "refused 2" in capsys.readouterr().out


def test_an_exported_replay_has_the_features_that_facts_make(tmp_path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    for part, text in TEXTS.items():
        (config / f"{part}.yaml").write_text(text)
    rows = {"events": [event(1, START_MS), event(2, START_MS + 1)], "facts": [fact("who", "u0", "vip", True, START_MS + 1)]}
    for name, lines in rows.items():
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(msgspec.json.encode(line) for line in lines))
    out = tmp_path / "training.parquet"
    export_replayed([tmp_path / "events.jsonl"], config, None, "", 1, out, False, tmp_path / "facts.jsonl")
    assert pyarrow.parquet.read_table(out)["feature.is_vip"].to_pylist() == [None, 1.0]


def test_times_of_facts_may_be_rfc_3339() -> None:
    read = read_fact(b'{"kind":"who","entity":"u","name":"vip","value":true,"since":"2023-11-14T22:13:20Z"}')
    assert (read.since, read.value) == (START_MS, True)
