"""Rules with sequences in the stages: events of one user that follow each other."""

from typing import Any

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


def decided(rule: str, events: list[dict[str, object]], size: int = 100) -> list[dict[str, Any]]:
    job = Imitation()
    job.release(1, TEXTS | {"pattern:probing": rule})
    for first in range(0, len(events), size):
        job.events([msgspec.json.encode(each) for each in events[first : first + size]])
        job.checkpoint()
    return all_decided(job)


def all_decided(job: Imitation) -> list[dict[str, Any]]:
    return msgspec.convert(job.decisions(), list[dict[str, Any]])


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


def test_a_step_captures_what_its_own_condition_does_not_read() -> None:
    rule = PROBING.replace("event.amount < 2.0, times: 3+", "feature.count_1h < 4.0, times: 3")
    rule = rule.replace("event.amount > 20.0 * probe.mean(event.amount)", "probe.count == 3 && probe.sum(event.amount) > 2.0")
    assert [len(each["matches"]) for each in decided(rule, PROBED)] == [0, 0, 0, 1]


def test_a_sequence_in_shadow_changes_no_decision() -> None:
    shadow = PROBING.replace("status: active", "status: shadow")
    with_it = decided(shadow, PROBED)
    assert [each["action"] for each in with_it] == ["approve"] * 4
    assert [match["shadow"] for match in with_it[3]["matches"]] == [True]


OF_DEVICE = PROBING.replace("  within: 15m\n", "  key: device\n  within: 15m\n")
BY_MANY = [event(1, 1.0), event(2, 1.5, who="u1"), event(3, 0.5, who="u2"), event(4, 50.0, who="u3")]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_sequence_of_a_device_matches_the_event_of_whichever_user_completes_it(size: int) -> None:
    found = decided(OF_DEVICE, BY_MANY, size)
    assert [each["action"] for each in found] == ["approve", "approve", "approve", "block"]
    assert found[3]["reasons"] == ["3 probes of 1, then 50 (probing)"]
    [match] = found[3]["matches"]
    assert match["events"] == [[START_MS + SECOND * number, number] for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "events",
    [
        [*BY_MANY[:2], event(3, 0.5, device="e"), BY_MANY[3]],
        [*BY_MANY[:2], event(3, 0.5, device=None), BY_MANY[3]],
        [*BY_MANY[:3], event(9, 5.0, kind="reissue"), event(10, 50.0)],
        [*BY_MANY[:2], BY_MANY[1], BY_MANY[3]],
    ],
    ids=["another device", "no device", "until", "a repeated event"],
)
def test_a_sequence_of_a_device_does_not_match_what_only_looks_like_it(events: list[dict[str, object]]) -> None:
    assert all(not each["matches"] for each in decided(OF_DEVICE, [{k: v for k, v in each.items() if v is not None} for each in events]))


def test_a_sequence_of_a_device_goes_on_after_a_restart() -> None:
    job = Imitation()
    job.release(1, TEXTS | {"pattern:probing": OF_DEVICE})
    job.events([msgspec.json.encode(each) for each in BY_MANY[:3]])
    job.checkpoint()
    again = Imitation(job.entity_state, job.user_state)
    again.release(1, TEXTS | {"pattern:probing": OF_DEVICE})
    again.events([msgspec.json.encode(BY_MANY[3])])
    assert again.decisions()[-1]["action"] == "block"


def test_a_sequence_of_a_device_says_nothing_where_the_answer_of_the_device_is_lost() -> None:
    job = Imitation()
    job.release(1, TEXTS | {"pattern:probing": OF_DEVICE})
    job.events([msgspec.json.encode(each) for each in BY_MANY[:3]])
    job.events([msgspec.json.encode(BY_MANY[3])], lose_answers=True)
    assert not job.decisions()[-1]["matches"]


def test_a_sequence_of_a_pair_reads_the_features_of_the_pair() -> None:
    rule = PROBING.replace("  within: 15m\n", "  key: [who, device]\n  within: 15m\n")
    rule = rule.replace("event.amount > 20.0", "feature.pair_count > 3.0 && event.amount > 20.0")
    features = TEXTS["features"] + "- {name: pair_count, template: count, entity: [who, device], window: 1h}\n"
    job = Imitation()
    job.release(1, TEXTS | {"features": features, "pattern:probing": rule})
    job.events([msgspec.json.encode(each) for each in PROBED])
    assert [len(each["matches"]) for each in all_decided(job)] == [0, 0, 0, 1]


def test_steps_of_a_device_that_read_what_its_stage_does_not_know_are_refused_with_their_place() -> None:
    rule = OF_DEVICE.replace("event.amount > 20.0", "feature.count_1h > 3.0 && event.amount > 20.0")
    with pytest.raises(Refusal, match=r"patterns/probing\.yaml:\d+:\d+: .*feature"):
        compile_release(1, TEXTS | {"pattern:probing": rule})


def test_the_condition_beside_a_sequence_of_a_device_reads_what_the_stage_of_the_user_knows() -> None:
    rule = OF_DEVICE.replace("sequence:", "when: feature.count_1h > 1.0\nsequence:")
    assert [len(each["matches"]) for each in decided(rule, BY_MANY)] == [0, 0, 0, 0]
    assert [len(each["matches"]) for each in decided(rule, [*BY_MANY[:3], event(4, 50.0)])] == [0, 0, 0, 1]


def test_more_sequences_of_a_device_than_have_room_beside_an_event_all_match() -> None:
    job = Imitation()
    rules = {
        f"pattern:probing_{at}": OF_DEVICE.replace("times: 3+", f"times: {at % 3 + 1}+").replace("15m", f"{15 + at}m") for at in range(70)
    }
    job.release(1, TEXTS | rules)
    job.events([msgspec.json.encode(each) for each in BY_MANY])
    found = all_decided(job)[-1]
    assert len(found["matches"]) == 33
    assert {len(match["events"]) for match in found["matches"]} > {0}


def test_a_threshold_that_nothing_learns_yet_is_refused_with_its_place() -> None:
    adaptive = "adaptive: {usual: {of: feature.count_1h, rate: 1/1000}}\nwhen: feature.count_1h > adaptive.usual\n"
    with pytest.raises(Refusal, match=r"patterns/often\.yaml:\d+:\d+: threshold that is not learned yet"):
        compile_release(1, TEXTS | {"pattern:often": f"title: Often\nowner: tests\n{adaptive}"})


def test_an_absence_at_the_end_for_which_no_stage_waits_is_refused_with_its_place() -> None:
    steps = "    - {name: first, when: event.amount > 0.0}\n    - {name: second, when: event.amount > 9.0, absent: true, gap: 1m}\n"
    rule = f"title: Silence\nowner: tests\nsequence:\n  within: 1h\n  steps:\n{steps}"
    with pytest.raises(Refusal, match=r"patterns/silence\.yaml:7:\d+: absence at the end"):
        compile_release(1, TEXTS | {"pattern:silence": rule})
