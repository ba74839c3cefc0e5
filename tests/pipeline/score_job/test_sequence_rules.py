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


SILENCE = """
title: Nobody confirms
owner: tests
severity: high
status: active
sequence:
  within: 1h
  steps:
    - {name: pay, when: event.amount > 100.0}
    - {name: confirmed, when: event.kind == "confirmation", absent: true, gap: 1m}
then: {reason: "{pay.first(event.amount)} paid, and not confirmed"}
"""
PAID = event(1, 500.0)
DEADLINE_MS = START_MS + 61 * SECOND


def alerted(rule: str, events: list[dict[str, object]], until_ms: int, restart: bool = False) -> list[dict[str, object]]:
    job = Imitation()
    job.release(1, TEXTS | {"pattern:silence": rule})
    for each in events:
        job.events([msgspec.json.encode(each)])
        job.pass_time(int(str(each["at"])))
    job.checkpoint()
    if restart:
        out, job = job.out, Imitation(job.entity_state, job.user_state)
        job.out = out
        job.release(1, TEXTS | {"pattern:silence": rule})
    job.pass_time(until_ms)
    job.pass_time(until_ms + 1)
    return job.absences()


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("key", ["who", "device"])
def test_an_absence_at_the_end_is_an_alert_once_event_time_has_passed_its_deadline(key: str, restart: bool) -> None:
    rule = SILENCE.replace("  within", f"  key: {key}\n  within")
    assert alerted(rule, [PAID], DEADLINE_MS - 1, restart) == []
    [alert] = alerted(rule, [PAID], DEADLINE_MS, restart)
    assert alert == {
        "type": "absence",
        "id": f"absence/silence/{key}/{PAID[key]}/{DEADLINE_MS}/1",
        "pattern": "silence",
        "version": alert["version"],
        "severity": "high",
        "status": "active",
        "shadow": False,
        "entity": {"kind": key, "id": PAID[key]},
        "event_time": DEADLINE_MS,
        "events": [[START_MS + SECOND, 1]],
        "values": {"pay.first(event.amount)": 500.0},
        "reason": "500 paid, and not confirmed",
        "release": 1,
    }


def test_an_absence_that_the_next_event_of_the_key_finds_overdue_is_told_once() -> None:
    job = Imitation()
    job.release(1, TEXTS | {"pattern:silence": SILENCE})
    job.events([msgspec.json.encode(each) for each in (PAID, event(2, 1.0, 100))])
    job.pass_time(START_MS + 200 * SECOND)
    assert [each["event_time"] for each in job.absences()] == [DEADLINE_MS]


def test_an_event_at_the_deadline_ends_the_wait_and_a_rule_in_shadow_says_so() -> None:
    confirmation = event(2, 1.0, 61, kind="confirmation")
    assert alerted(SILENCE, [PAID, confirmation], DEADLINE_MS + SECOND) == []
    [alert] = alerted(SILENCE.replace("status: active", "status: shadow"), [PAID, event(2, 1.0, 62)], DEADLINE_MS + SECOND)
    assert alert["shadow"] is True


def test_absences_change_no_decision() -> None:
    found = decided(SILENCE, [PAID, event(2, 1.0, 100)])
    assert [(each["action"], each["matches"]) for each in found] == [("approve", [])] * 2


def test_a_condition_beside_an_absence_at_the_end_is_refused_where_another_key_waits() -> None:
    rule = SILENCE.replace("sequence:", "when: event.amount > 1.0\nsequence:\n  key: device")
    with pytest.raises(Refusal, match=r"patterns/silence\.yaml:6:\d+: condition beside an absence at the end"):
        compile_release(1, TEXTS | {"pattern:silence": rule})
