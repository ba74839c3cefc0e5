"""Rules with sequences in the stages: events of one user that follow each other."""

import msgspec
import pytest
from imitation import Imitation

from foundation.refusal import Refusal
from pipeline.engine.definitions.release import compile_release

START_MS = 1_700_000_000_000
SECOND = 1_000
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
status: active
sequence:
  within: 15m
  steps:
    - {name: probe, when: event.amount < 2.0, times: 3+}
    - {name: hit, when: event.amount > 20.0 * probe.mean(event.amount), gap: 5m}
  until: event.kind == "reissue"
then: {action: block, reason: "{probe.count} probes of {probe.mean(event.amount)}, then {event.amount}"}
"""


def event(id: int, amount: float, at_s: int | None = None, **more: object) -> dict[str, object]:
    return {"id": id, "at": START_MS + SECOND * (id if at_s is None else at_s), "who": "u0", "device": "d", "amount": amount} | more


def decided(rule: str, events: list[dict[str, object]], size: int = 100) -> list[dict[str, object]]:
    job = Imitation()
    job.release(1, TEXTS | {"pattern:probing": rule})
    for first in range(0, len(events), size):
        job.events([msgspec.json.encode(each) for each in events[first : first + size]])
        job.checkpoint()
    return job.decisions()


PROBED = [event(1, 1.0), event(2, 1.5), event(3, 0.5), event(4, 50.0)]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_sequence_blocks_the_event_that_completes_it_and_the_match_lists_its_events(size: int) -> None:
    found = decided(PROBING, PROBED, size)
    assert [each["action"] for each in found] == ["approve", "approve", "approve", "block"]
    assert found[3]["reasons"] == ["3 probes of 1, then 50 (probing)"]
    [match] = found[3]["matches"]
    assert match["values"] == {"probe.count": 3.0, "probe.mean(event.amount)": 1.0, "event.amount": 50.0}
    assert match["events"] == [[START_MS + SECOND * number, number] for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "events",
    [
        [event(1, 50.0, 1), event(2, 1.0), event(3, 1.0), event(4, 1.0)],
        [event(1, 1.0), event(2, 1.5), event(3, 0.5, who="u1"), event(4, 50.0)],
        [event(1, 1.0), event(2, 1.5), event(3, 0.5), event(4, 50.0, 1_000)],
        [event(1, 1.0), event(2, 1.5), event(3, 0.5), event(9, 5.0, kind="reissue"), event(10, 50.0)],
        [event(1, 1.0), event(2, 1.5), event(2, 1.5), event(4, 50.0)],
        [event(1, 1.0), event(2, 1.5), event(3, 0.5), event(4, 15.0)],
    ],
    ids=["wrong order", "another user", "too late", "until", "a repeated event", "not enough"],
)
def test_a_sequence_does_not_match_what_only_looks_like_it(events: list[dict[str, object]]) -> None:
    assert all(not each["matches"] for each in decided(PROBING, events))


def test_sequences_go_on_after_a_restart_and_under_another_text_of_the_rule_with_the_same_steps() -> None:
    job = Imitation()
    job.release(1, TEXTS | {"pattern:probing": PROBING})
    job.events([msgspec.json.encode(each) for each in PROBED[:3]])
    job.checkpoint()
    again = Imitation(job.entity_state, job.user_state)
    again.release(2, TEXTS | {"pattern:probing": PROBING.replace("action: block", "action: review")})
    again.events([msgspec.json.encode(PROBED[3])])
    assert again.decisions()[-1]["action"] == "review"


def test_a_sequence_in_shadow_changes_no_decision() -> None:
    shadow = PROBING.replace("status: active", "status: shadow")
    with_it = decided(shadow, PROBED)
    assert [each["action"] for each in with_it] == ["approve"] * 4
    assert [match["shadow"] for match in with_it[3]["matches"]] == [True]


def test_a_sequence_of_another_key_is_refused_with_its_place() -> None:
    rule = PROBING.replace("  within: 15m\n", "  key: device\n  within: 15m\n")
    with pytest.raises(Refusal, match=r"patterns/probing\.yaml:\d+:\d+: sequence of another key"):
        compile_release(1, TEXTS | {"pattern:probing": rule})


def test_a_threshold_that_nothing_learns_yet_is_refused_with_its_place() -> None:
    adaptive = "adaptive: {usual: {of: feature.count_1h, rate: 1/1000}}\nwhen: feature.count_1h > adaptive.usual\n"
    with pytest.raises(Refusal, match=r"patterns/often\.yaml:\d+:\d+: threshold that is not learned yet"):
        compile_release(1, TEXTS | {"pattern:often": f"title: Often\nowner: tests\n{adaptive}"})


def test_an_absence_at_the_end_for_which_no_stage_waits_is_refused_with_its_place() -> None:
    steps = "    - {name: first, when: event.amount > 0.0}\n    - {name: second, when: event.amount > 9.0, absent: true, gap: 1m}\n"
    rule = f"title: Silence\nowner: tests\nsequence:\n  within: 1h\n  steps:\n{steps}"
    with pytest.raises(Refusal, match=r"patterns/silence\.yaml:7:\d+: absence at the end"):
        compile_release(1, TEXTS | {"pattern:silence": rule})
