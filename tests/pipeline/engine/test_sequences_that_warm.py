"""An upload says which sequences begin with nothing, and `weir check` says why."""

import pytest

from patterns.rules.keyed.sequence_beginnings import lacks_history
from patterns.rules.rule_set import RuleSet
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.definitions.sequences_that_warm import sequences_that_warm

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [device]
fields:
  amount: {type: decimal, scale: 2, retain: true}
  kind: {type: string, required: false, retain: true}
  passing: {type: float, required: false}
""",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}], fallback: {action: approve}}",
}
RULE = """
title: Two steps
owner: tests
status: active
sequence:
  within: 15m
  steps:
    - {name: one, when: event.amount < 2.0, times: 3+}
    - name: two
      when: CONDITION
then: {action: block}
"""


def released(condition: str, id: int = 2, **texts: str) -> Release:
    return compile_release(id, TEXTS | {"pattern:steps": RULE.replace("CONDITION", condition)} | texts)


WARM = [
    "event.amount > 20.0 * one.mean(event.amount)",
    'event.kind == "a" || !(event.kind in ["b", "c"]) && event.amount > 3.0',
    "event.at > timestamp('2026-01-01T00:00:00Z')",
]
COLD = {
    "feature.count_1h > 3.0": "feature.count_1h is not retained",
    "event.passing > 3.0": "event.passing is not retained",
    "one.mean(event.passing) > 3.0": "event.passing is not retained",
    'event.kind.startsWith("a")': "of event.kind only a hash is retained",
    "event.kind == one.first(event.kind)": "of event.kind only a hash is retained",
    "event.device == 'd'": "event.device is not retained",
}


@pytest.mark.parametrize("condition", [*WARM, *COLD])
def test_a_new_sequence_of_users_begins_from_history_where_its_steps_read_retained_fields_alone(condition: str) -> None:
    release = released(condition)
    assert isinstance(release.rules, RuleSet)
    reason = lacks_history(release.rules.rules[0].pattern, release.schema)
    assert (reason == "") == (condition in WARM)
    assert COLD.get(condition, "") in reason
    assert sequences_that_warm(compile_release(1, TEXTS), release) == (("steps",) if condition in COLD else ())


def test_a_sequence_that_is_not_new_goes_on_and_a_changed_one_is_new() -> None:
    [cold] = list(COLD)[:1]
    before = released(cold, 1)
    same = compile_release(2, TEXTS | {"pattern:steps": RULE.replace("CONDITION", cold).replace("block", "review")})
    assert sequences_that_warm(before, same) == ()
    assert sequences_that_warm(before, released(cold.replace("3.0", "4.0"))) == ("steps",)


@pytest.mark.parametrize("field", ["  key: device\n", "  select: strict\n"])
def test_a_sequence_of_another_key_and_a_strict_one_begin_with_nothing(field: str) -> None:
    rule = RULE.replace("CONDITION", WARM[0]).replace("  within", f"{field}  within")
    assert sequences_that_warm(compile_release(1, TEXTS), compile_release(2, TEXTS | {"pattern:steps": rule})) == ("steps",)


def test_a_field_that_was_not_retained_before_is_no_history() -> None:
    passing = TEXTS["schema"].replace("passing: {type: float, required: false}", "passing: {type: float, required: false, retain: true}")
    assert sequences_that_warm(compile_release(1, TEXTS), released("event.passing > 3.0", schema=passing)) == ("steps",)
