"""alerts.yaml as it is read, and what is refused."""

from dataclasses import replace

import pytest

from alerts.policy.alert_definition import Inhibition, Limit
from alerts.policy.alert_reader import LIMIT, read_alerts
from alerts.policy.decided_event import DecidedEvent, MatchedRule
from alerts.policy.standing_kinds import with_standing
from foundation.refusal import Refusal

ENTITIES = ("customer_id", "terminal_id")
WHOLE = """
- name: card_attack
  title: A card is attacked
  when: {actions: [review, block], patterns: [card_testing], severity_at_least: high, score_at_least: 0.99}
  group_by: [customer_id, pattern]
  severity: critical
  window: 5m
  resolve_after: 30m
  risk: {below: 0.5, half_life: 2h}
  inhibited_by: [{name: terminal_burst, equal: [terminal_id]}]
  limit: {alerts: 100, per: 1h}
- name: terminal_burst
  when: {actions: [block]}
  group_by: [terminal_id]
"""


def decided(action: str = "block", score: float | None = 0.995, pattern: str = "card_testing", severity: str = "high") -> DecidedEvent:
    rules = (MatchedRule(pattern, severity),) if pattern else ()
    return DecidedEvent("k", "u", "e", 0, 0, 0, action, score, rules, {"customer_id": "c1", "terminal_id": "t1"})


def test_a_whole_definition_is_read() -> None:
    attack, burst = read_alerts(WHOLE, entities=ENTITIES, patterns=("card_testing",))
    assert (attack.title, attack.severity, attack.window_ms, attack.resolve_after_ms) == (
        "A card is attacked",
        "critical",
        300_000,
        1_800_000,
    )
    assert (attack.risk_below, attack.risk_half_life_ms, attack.limit) == (0.5, 7_200_000, Limit(100, 3_600_000))
    assert (attack.inhibited_by, burst.title) == ((Inhibition("terminal_burst", ("terminal_id",)),), "terminal burst")


def test_alerts_are_grouped_by_the_user_unless_the_file_says_otherwise() -> None:
    assert read_alerts("- {name: a, when: {}}", entities=ENTITIES)[0].group_by == ("customer_id",)


def test_a_decision_has_to_meet_all_conditions() -> None:
    attack, burst = read_alerts(WHOLE)
    assert attack.is_met_by(decided()) and burst.is_met_by(decided())
    for other in (
        decided("approve"),
        decided(score=0.98),
        decided(score=None),
        decided(pattern="velocity"),
        decided(pattern=""),
        decided(severity="low"),
    ):
        assert not attack.is_met_by(other)
    assert attack.group_of(decided()) == {"customer_id": "c1", "pattern": "card_testing"}


def test_a_decision_without_what_alerts_are_grouped_by_meets_none() -> None:
    _, burst = read_alerts(WHOLE)
    assert not burst.is_met_by(DecidedEvent("k", "u", "e", 0, 0, 0, "block", None, (), {"customer_id": "c1"}))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("- {when: {}}", "1:3", "name"),
        ("- {name: A, when: {}}", "1:10", "lower-case"),
        ("- {name: a}", "1:3", "when"),
        ("- {name: a, when: {action: [block]}}", "1:20", "did you mean actions?"),
        ("- {name: a, when: {actions: [deny]}}", "1:30", "one of approve, review, block"),
        ("- {name: a, when: {actions: []}}", "1:29", "empty list"),
        ("- {name: a, when: {patterns: [card_testin]}}", "1:31", "did you mean card_testing?"),
        ("- {name: a, when: {severity_at_least: huge}}", "1:39", "low, medium, high, critical"),
        ("- {name: a, when: {score_at_least: 2}}", "1:36", "0 to 1"),
        ("- {name: a, when: {}, group_by: [terminal]}", "1:34", "did you mean terminal_id?"),
        ("- {name: a, when: {}, group_by: [customer_id, customer_id]}", "1:33", "once"),
        ("- {name: a, when: {}, window: 10}", "1:31", "unit"),
        ("- {name: a, when: {}, limit: {alerts: 0, per: 1h}}", "1:39", "1 to"),
        ("- {name: a, when: {}}\n- {name: a, when: {}}", "2:10", "no other kind"),
        ("- {name: a, when: {}, inhibited_by: [{name: a}]}", "1:45", "one of"),
        (
            "- {name: a, when: {}, inhibited_by: [{name: b, equal: [customer_id]}]}\n- {name: b, when: {}, group_by: [action]}",
            "1:56",
            "one of action",
        ),
        ("a: b", "1:1", "a list"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(text: str, place: str, words: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_alerts(text, entities=ENTITIES, patterns=("card_testing",))
    assert refused.value.where == f"alerts.yaml:{place}" and words in str(refused.value)


def test_a_kind_without_a_limit_has_one_all_the_same() -> None:
    assert (read_alerts(WHOLE)[0].limit, read_alerts(WHOLE)[1].limit) == (Limit(100, 3_600_000), LIMIT)


def test_absences_and_budgets_join_where_the_file_says_so_and_else_what_stands() -> None:
    told = replace(decided(), kind="absence", action="absence", entities={"device": "d1"})
    [silent] = read_alerts("- {name: silent, when: {kinds: [absence], patterns: [card_testing]}, group_by: [device]}\n")
    assert silent.is_met_by(told) and not silent.is_met_by(replace(told, kind="decision"))
    assert [each.name for each in with_standing([silent])] == ["silent", "budget_exceeded", "drift"]
    absence, budget, drift = with_standing([])
    assert absence.group_of(told) == {"pattern": "card_testing", "device": "d1"} and not budget.is_met_by(told)
    assert budget.group_of(replace(told, kind="budget", entities={})) == {"pattern": "card_testing"}
    assert drift.group_of(replace(told, kind="drift", action="drift", rules=(), entities={})) == {"action": "drift"}
    [own] = [each for each in with_standing(read_alerts("- {name: absence, when: {}, group_by: [device]}\n")) if each.name == "absence"]
    assert own.kinds == ("decision",)
