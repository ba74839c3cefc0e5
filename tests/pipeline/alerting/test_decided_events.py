"""Records of decisions and alerts, as alerts read them."""

import msgspec
import pytest

from alerts.policy.decided_event import MatchedRule
from patterns.absences import Absence
from patterns.language.pattern import Suppress
from pipeline.alerting.decided_events import UNKNOWN_SEVERITY, DecidedEvents
from pipeline.engine.decisions.absence_record import absence_record
from pipeline.engine.definitions.release import compile_release
from stores.effects import Trip
from stores.relational.effects import _alert_of

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [device]\n"
    "fields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\nfallback: {action: approve}\n",
}
READING = DecidedEvents(compile_release(1, TEXTS))
USER = READING.release.schema.user


def absence(kind: str = USER, shadow: bool = False) -> bytes:
    found = Absence("silent", "v1", "critical", "active", shadow, kind, "c1", ((5, "e1"),), {}, "nothing came", 1_000)  # type: ignore[arg-type]
    return msgspec.json.encode(absence_record(found, 3))


def test_an_absence_is_read_with_its_rule_its_entity_and_its_deadline() -> None:
    told = READING.read_alert(absence())
    assert told is not None
    assert (told.kind, told.action, told.user, told.event_time_ms, told.score, told.reasons) == (
        "absence",
        "absence",
        "c1",
        1_000,
        None,
        ("nothing came",),
    )
    assert (told.rules, told.entities) == ((MatchedRule("silent", "critical"),), {USER: "c1"})
    of_device = READING.read_alert(absence("device"))
    assert of_device is not None and (of_device.user, of_device.entities) == ("", {"device": "c1"})
    assert of_device.key != told.key and READING.read_alert(absence()) == told


def test_a_decision_is_read_with_what_silences_its_rules_and_the_values_that_it_keeps() -> None:
    schema = TEXTS["schema"] + "  kind: {type: string, dimension: true}\n  note: {type: string}\n"
    rule = "title: Often\nowner: tests\nstatus: active\nseverity: high\nwhen: event.amount > 1.0\nthen: {action: block}\n"
    rules = {
        "pattern:by_kind": rule + "suppress: {by: [customer, kind], for: 1h}\n",
        "pattern:by_note": rule + "suppress: {by: [note], for: 1h, missing: suppress}\n",
    }
    reading = DecidedEvents(compile_release(1, TEXTS | {"schema": schema} | rules))
    known = {"event_id": "7", "revision": 0, "event_time": 5, "user": "c1", "entities": {"device": None}, "score": 0.5, "action": "block"}
    matches = [{"pattern": "by_kind"}, {"pattern": "by_note"}, {"pattern": "gone"}, {"pattern": "watched", "shadow": True}]
    more = {"processed_at": 9, "decided_by": "block", "event": {"amount": 2.5}, "dimensions": {"kind": "books"}, "matches": matches}
    told = reading.read(msgspec.json.encode(known | more))
    assert told.rules == (
        MatchedRule("by_kind", "high", Suppress(("customer", "kind"), 3_600_000)),
        MatchedRule("by_note", "high"),
        MatchedRule("gone", UNKNOWN_SEVERITY),
    )
    assert (told.values, told.is_of_rules) == ({"amount": "2.5", "kind": "books", "customer": "c1"}, True)
    by_score = more | {"decided_by": "score", "contributions": {"model": "own"}}
    assert (told.model, reading.read(msgspec.json.encode(known | more | {"contributions": {"model": "own"}})).model) == ("", "")
    scored = reading.read(msgspec.json.encode(known | by_score))
    assert (scored.is_of_rules, scored.model) == (False, "own")


def test_of_an_absence_in_shadow_nobody_is_told() -> None:
    assert READING.read_alert(absence(shadow=True)) is None


def test_a_budget_that_was_exceeded_is_read_with_its_rule() -> None:
    trip = Trip("t1", "probe", "v1", 7, "shadow", 5, 60_000, 9_000)
    told = READING.read_alert(_alert_of(trip))
    assert told is not None
    assert (told.kind, told.event_id, told.event_time_ms, told.entities) == ("budget", "t1", 9_000, {})
    assert told.rules == (MatchedRule("probe", UNKNOWN_SEVERITY),) and "more than 5 times" in told.reasons[0]


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[]", b'{"type": "other"}', b'{"type": "absence"}', b'{"type": "budget", "id": 5}', b"\xff"]
)
def test_what_is_neither_is_a_fault_of_the_record(value: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        READING.read_alert(value)
