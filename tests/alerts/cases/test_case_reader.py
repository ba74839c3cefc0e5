"""What cases.yaml may say, and how mistakes in it are refused."""

import pytest
from cases_of_a_test import CASES_YAML

from alerts.cases.case_policy import InboxDefinition, VerdictInput
from alerts.cases.case_reader import read_cases
from alerts.policy.alert_definition import AlertDefinition
from alerts.policy.alert_reader import read_alerts
from foundation.refusal import Refusal

ALERTS: tuple[AlertDefinition, ...] = read_alerts(
    "- {name: attack, when: {}, group_by: [customer]}\n- {name: terminal, when: {}, group_by: [terminal]}\n"
)
GOOD = "inboxes: [{name: a}]\ntypologies: [{name: t, entity: customer, inbox: a}]\n"


def refusal_of(text: str) -> Refusal:
    with pytest.raises(Refusal) as refused:
        read_cases(text, "cases.yaml", ("customer", "terminal"), ("testing",), ALERTS)
    return refused.value


def test_all_that_the_file_says_is_read() -> None:
    policy = read_cases(CASES_YAML, entities=("customer",), alerts=ALERTS)
    assert (policy.claim_ms, policy.inboxes) == (
        1_800_000,
        (InboxDefinition("payments", "Payments", 2), InboxDefinition("logins", "logins", None)),
    )
    testing, takeover = policy.typologies
    assert (testing.claim_within_ms, testing.decide_within_ms, testing.opens, takeover.opens) == (3_600_000, 86_400_000, True, False)
    assert testing.inputs[1] == VerdictInput("channel", "choice", ("web", "shop"), ("fraud",))
    assert (policy.reasons["legitimate"], policy.reasons["unsure"], policy.opens) == (("known",), (), True)


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("inboxes:", "inbox:", "cases.yaml:1:1", "unknown field"),
        ("entity: customer", "entity: card", "cases.yaml:2:32", "unknown value"),
        ("inbox: a", "inbox: b", "cases.yaml:2:49", "unknown value"),
        ("name: t", "name: T", "cases.yaml:2:21", "bad name"),
        ("[{name: a}]", "[{name: a}, {name: a}]", "cases.yaml:1:29", "repeated name"),
        ("[{name: a}]", "[{name: a, capacity: 0}]", "cases.yaml:1:31", "not in range"),
        ("inbox: a", "inbox: a, when: {alerts: [attack, terminal]}", "cases.yaml:2:76", "alert of another entity"),
        ("inbox: a", "inbox: a, when: {alerts: [other]}", "cases.yaml:2:68", "unknown value"),
        ("inbox: a", "inbox: a, when: {alerts: []}", "cases.yaml:2:67", "empty list"),
        ("inbox: a", "inbox: a, when: {patterns: [probing]}", "cases.yaml:2:70", "unknown value"),
        ("inbox: a", "inbox: a, claim_within: soon", "cases.yaml:2:66", "not a duration"),
        ("inbox: a", "inbox: a, inputs: [{name: x, type: choice}]", "cases.yaml:2:61", "options and type do not fit"),
        ("inbox: a", "inbox: a, inputs: [{name: x, options: [y, y]}]", "cases.yaml:2:80", "bad options"),
        ("inbox: a", "inbox: a, inputs: [{name: x, for: [guilty]}]", "cases.yaml:2:77", "unknown value"),
        ("inbox: a}]", "inbox: a}]\nreasons: {guilty: [x]}", "cases.yaml:3:11", "unknown field"),
        ("inbox: a}]", "inbox: a}]\nreasons: {fraud: ['Ünwahr']}", "cases.yaml:3:19", "bad name"),
        ("inbox: a}]", "inbox: a}]\nclaim_for: 1s", "cases.yaml:3:12", "duration too short"),
    ],
)
def test_a_mistake_is_refused_with_line_and_column(old: str, new: str, where: str, what: str) -> None:
    assert old in GOOD
    refusal = refusal_of(GOOD.replace(old, new))
    assert (refusal.where, refusal.what) == (where, what)


@pytest.mark.parametrize("text", ["[]", "x", "", "inboxes: []", "inboxes: {}\ntypologies: []", "inboxes: [1]\ntypologies: []"])
def test_what_is_no_such_file_is_refused(text: str) -> None:
    assert refusal_of(text).where.startswith("cases.yaml")
