"""A rule is explained by replay: its predicates with their values, and how far its sequence came, also where it did not match."""

import pathlib
import random

import msgspec
import pytest

from foundation.refusal import Refusal
from patterns.rules.explaining.explanation import Why
from pipeline.engine.definitions.release import compile_release
from pipeline.replay.explain import Wanted, explain_recorded
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [device]
fields: {amount: {type: decimal, scale: 2, retain: true}, kind: {type: string, required: false}}
lateness: 10m
""",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}], fallback: {action: approve}}",
}
PROBING = """
title: Probing with small amounts, then a large one
owner: tests
status: shadow
sequence:
  within: 15m
  steps:
    - {name: probe, when: event.amount < 2.0, times: 3+}
    - {name: hit, when: event.amount > 20.0 * probe.mean(event.amount), gap: 5m}
  until: event.kind == "reissue"
exceptions: [{when: event.kind == "test", owner: ana, reason: T-91, expires: 2027-01-31}]
"""
OFTEN = """
title: Often, and with a great amount
owner: tests
when: feature.count_1h >= 3.0 && (event.amount > 100.0 || event.kind == "gift") && model.own >= 0.5
missing: skip
"""


def event(id: int, amount: float, at_s: int | None = None, who: str = "u0", **more: object) -> dict[str, object]:
    return {"id": id, "at": START_MS + 1_000 * (id if at_s is None else at_s), "who": who, "device": "d", "amount": amount} | more


def explained(folder: pathlib.Path, rule: str, events: list[dict[str, object]], id: int, user: str | None = None) -> Why:
    texts = TEXTS | {"pattern:rule": rule}
    file = folder / "events.jsonl"
    file.write_bytes(b"\n".join(map(msgspec.json.encode, events)))
    release = compile_release(1, texts)
    return explain_recorded(release, texts, "rule", read_history([file], release.schema), Wanted(str(id), user))


PROBES = [event(1, 1.0), event(2, 1.5), event(3, 0.5)]


def test_each_predicate_of_a_rule_that_did_not_match_has_its_value_and_truth(tmp_path: pathlib.Path) -> None:
    found = explained(tmp_path, OFTEN, [event(1, 1.0), event(2, 50.0)], 2)
    assert found.matched is False
    assert found.when is not None
    assert found.when.truth == "false"
    assert [(each.predicate, each.truth, each.values) for each in found.when.predicates] == [
        ("feature.count_1h >= 3.0", "false", {"feature.count_1h": 2.0}),
        ("event.amount > 100.0", "false", {"event.amount": 50.0}),
        ('event.kind == "gift"', "missing", {"event.kind": None}),
        ("model.own >= 0.5", "false", {"model.own": 0.0}),
    ]
    assert "feature.count_1h >= 3.0 is false" in found.said[0]


def test_a_sequence_that_matched_names_the_events_of_its_steps(tmp_path: pathlib.Path) -> None:
    found = explained(tmp_path, PROBING, [*PROBES, event(4, 50.0)], 4)
    assert (found.matched, found.said) == (True, ["The event satisfies the rule."])
    assert found.sequence is not None
    steps = {step.step: (step.needs, step.found, [each.event_id for each in step.events]) for step in found.sequence.steps}
    assert steps == {"probe": ("3+", 3, ["1", "2", "3"]), "hit": ("1", 1, ["4"])}


def test_the_furthest_step_is_told_with_its_events_and_why_the_next_one_did_not_take_this_one(tmp_path: pathlib.Path) -> None:
    found = explained(tmp_path, PROBING, [*PROBES, event(4, 15.0)], 4).sequence
    assert found is not None
    assert (found.matched, found.reached, found.key, found.events) == (False, "probe", "who u0", 4)
    assert found.said == "The event does not complete the sequence: probe has 3 of 3+, hit has 0 of 1. It waits for hit."
    [predicate] = found.steps[1].when.predicates
    assert (predicate.truth, predicate.values["probe.mean(event.amount)"], predicate.values["event.amount"]) == ("false", 1.0, 15.0)


@pytest.mark.parametrize(
    ("events", "id", "reached", "said"),
    [
        ([event(1, 5.0)], 1, "", "No event has begun the sequence."),
        (PROBES[:2], 2, "", "probe has 2 of 3+, hit has 0 of 1. It waits for probe."),
        ([*PROBES, event(4, 9.0, kind="reissue"), event(5, 50.0)], 5, "probe", "until was true of event 4, which voids what has begun"),
        ([*PROBES, event(4, 50.0, at_s=303 + 1)], 4, "probe", "more than 5m, which is the gap of hit, had passed"),
        ([*PROBES, event(4, 50.0, at_s=1_200)], 4, "probe", "more than 15m, which is within, had passed since its first event"),
        ([*PROBES, event(4, 50.0, who="u1")], 4, "", "No event has begun the sequence."),
    ],
)
def test_what_stopped_a_sequence_is_said_in_words(
    tmp_path: pathlib.Path, events: list[dict[str, object]], id: int, reached: str, said: str
) -> None:
    found = explained(tmp_path, PROBING, events, id)
    assert found.sequence is not None
    assert (found.matched, found.sequence.reached) == (False, reached)
    assert said in found.sequence.said


def test_an_exception_that_hides_a_match_is_named(tmp_path: pathlib.Path) -> None:
    found = explained(tmp_path, PROBING, [*PROBES, event(4, 50.0, kind="test")], 4)
    assert (found.matched, found.said) == (False, ["The event satisfies the rule, and an exception of ana hides the match: T-91."])


def test_a_rule_or_an_event_that_is_not_there_is_refused_with_what_there_is(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="unknown event"):
        explained(tmp_path, OFTEN, PROBES, 9)
    with pytest.raises(Refusal, match="event of several users"):
        explained(tmp_path, OFTEN, [event(1, 1.0), event(1, 1.0, who="u1")], 1)
    assert explained(tmp_path, OFTEN, [event(1, 1.0), event(1, 2.0, who="u1")], 1, "u1").user == "u1"


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule",
    [
        PROBING,
        OFTEN.replace("missing: skip", "status: shadow").replace(">= 0.5", ">= 0.0"),
        PROBING.replace("  until", "  select: strict\n  until"),
    ],
)
def test_the_explanation_of_every_event_agrees_with_the_engine(tmp_path: pathlib.Path, rule: str) -> None:
    chosen = random.Random(7)
    amounts, kinds = [0.5, 1.0, 1.0, 1.5, 150.0], [None] * 12 + ["reissue", "test", "gift"]
    events = [
        event(id, chosen.choice(amounts), chosen.randrange(id * 10, id * 10 + 25), chosen.choice(["u0", "u1"]), kind=chosen.choice(kinds))
        for id in range(1, 41)
    ]
    texts = TEXTS | {"pattern:rule": rule}
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(map(msgspec.json.encode, events)))
    release = compile_release(1, texts)
    history = read_history([file], release.schema, "arrival")
    matched: dict[str, bool] = {}
    for verdicts, batch in Replay(release, history, None).scored():
        matched |= {id: at in verdicts.matches.events.tolist() for at, id in enumerate(batch.ids)}
    assert True in matched.values()
    found = {id: explain_recorded(release, texts, "rule", history, Wanted(id)).matched for id in matched}
    assert found == matched
