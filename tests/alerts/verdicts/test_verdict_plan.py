"""What a verdict does, as cases.yaml says it, and the steps that follow."""

import pytest

from alerts.verdicts.effects_reader import read_effects
from alerts.verdicts.verdict_effects import LABELS_ALONE, VerdictEffects, VerdictPolicy
from alerts.verdicts.verdict_plan import steps_of
from features.schema.schema import read_schema
from foundation.document import read_document
from foundation.refusal import Refusal
from stores.casework.verdicts import Verdict

SCHEMA = read_schema(
    "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [device]\n"
    "facts: {customer: {vip: boolean, risk: number}, device: {verdict: {values: [fraud, good]}}}\nfields: {amount: {type: float}}\n"
)
DAY_MS = 86_400_000
FRAUD = """fraud:
  label: {weight: 2.0}
  lists: [{add: device, to: blocked, for: 30d}]
  facts: [{of: device, name: verdict, value: fraud, for: 7d}, {of: customer, name: risk, value: 0.9}]
  silence: [{by: customer, for: 1d}]
  hold: decline
  four_eyes: [list]
"""
VERDICT = Verdict("v", "c", "u", "e", "customer", "c1", "fraud", "stolen", {}, "ana", 1_000, 61_000)


def read(text: str) -> VerdictPolicy:
    return read_effects(read_document(text, "cases.yaml"), SCHEMA, ["blocked"])


def test_a_verdict_that_is_not_named_gives_a_label() -> None:
    assert read("{unsure: {}}") == {**LABELS_ALONE, "unsure": VerdictEffects()}


def test_a_verdict_becomes_steps_of_which_labels_wait_until_it_cannot_be_undone() -> None:
    entities = [("customer", "c1"), ("device", "d1"), ("device", "d2"), ("device", "d1")]
    steps = steps_of(VERDICT, read(FRAUD)["fraud"], entities)
    assert [(step.what, step.subject, step.due_ms, step.state) for step in steps] == [
        ("hold", "its event", 1_000, "wanted"),
        ("list", "device d1 on blocked", 1_000, "waiting"),
        ("list", "device d2 on blocked", 1_000, "waiting"),
        ("fact", "device d1: verdict is fraud", 1_000, "wanted"),
        ("fact", "device d2: verdict is fraud", 1_000, "wanted"),
        ("fact", "customer c1: risk is 0.9", 1_000, "wanted"),
        ("silence", "alerts about customer c1", 1_000, "wanted"),
        ("label", "its event", 61_000, "wanted"),
    ]
    assert steps[1].details == {"list": "blocked", "value": "d1", "expires": 1_000 + 30 * DAY_MS}
    assert (steps[5].details["expires"], steps[7].details) == (None, {"label": 1, "source": "analyst", "weight": 2.0})
    assert len({step.id for step in steps}) == len(steps)
    assert steps == steps_of(VERDICT, read(FRAUD)["fraud"], entities)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{maybe: {}}", "unknown field"),
        ("{fraud: {lists: [{add: card, to: blocked}]}}", "card"),
        ("{fraud: {lists: [{add: device, to: other}]}}", "unknown list"),
        ("{fraud: {facts: [{of: device, name: verdit, value: fraud}]}}", "unknown fact"),
        ("{fraud: {facts: [{of: device, name: verdict, value: evil}]}}", "evil"),
        ("{fraud: {facts: [{of: customer, name: risk, value: high}]}}", "high"),
        ("{fraud: {silence: [{by: customer}]}}", "for"),
        ("{fraud: {hold: keep}}", "keep"),
        ("{fraud: {four_eyes: [money]}}", "money"),
        ("{unsure: {label: {weight: 1.0}}}", "label of an unsure verdict"),
        ("{fraud: {label: {weight: 0.0}}}", "weight"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(text: str, what: str) -> None:
    with pytest.raises(Refusal, match=r"cases\.yaml:1:") as raised:
        read(text)
    assert what in str(raised.value)
