"""What a case is shown by: choices by keys, features beside the usual, and contributions as a waterfall."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.pages.case import event_of, reasons_of, user_of
from api.console.rendering import environment
from api.console.shown.shown_values import amount_of, number_of, span_of, text_of, time_of
from api.console.shown.told_conditions import matched_values, read_of, telling
from api.console.shown.usual_values import Met, alike, met_before, usual_of, usual_values
from api.console.shown.verdict_choices import choices_of
from api.console.shown.waterfall import ROW, SHOWN_MAX, WIDTH, Contributions, contributions_of, waterfall

TAXONOMY = {
    "typologies": [{"name": "a", "inputs": [{"name": "called", "type": "flag", "options": [], "verdicts": ["fraud"]}]}],
    "reasons": {"legitimate": ["known"], "fraud": ["stolen_card", "takeover"]},
}


def test_choices_have_keys_in_their_order_and_ask_only_for_what_their_verdict_needs() -> None:
    found = [(one.key, one.verdict, one.words, len(one.inputs)) for one in choices_of(TAXONOMY, "a")]
    frauds = [("1", "fraud", "stolen card", 1), ("2", "fraud", "takeover", 1)]
    assert found == [*frauds, ("3", "legitimate", "known", 0), ("4", "unsure", "unsure", 0)]
    assert [len(one.inputs) for one in choices_of(TAXONOMY, None)] == [0, 0, 0, 0]


def approved(id: object, **more: object) -> dict[str, object]:
    return {"event_id": str(id), "user": "u", "action": "approve"} | more


def test_a_feature_beyond_all_others_stands_first_and_few_others_say_nothing() -> None:
    others = [approved(number, features={"amount": float(number), "count": 2.0, "rare": None}) for number in range(5)]
    found = usual_values({"features": {"count": 2.0, "rare": 7.0, "amount": 90.0}}, others)
    assert [(one.name, one.middle, one.least, one.greatest, one.is_strange) for one in found] == [
        ("amount", 2.0, 0.0, 4.0, True), ("count", 2.0, 2.0, 2.0, False), ("rare", None, None, None, False),
    ]  # fmt: skip


def test_what_was_approved_of_other_events_says_what_is_usual_of_numbers_and_texts() -> None:
    """An attack of ten events would else look usual to each of its own."""
    at_home = {"entities": {"device": "own", "terminal": "t1"}, "dimensions": {"kind": "purchase"}}
    others = [approved(at, event={"amount": amount}, **at_home) for at, amount in enumerate((20.0, 30.0, 40.0))]
    own = approved(9, event={"amount": 300.0}, entities={"device": "new", "terminal": "t1"}, dimensions={"kind": "purchase", "shop": "x"})
    usual = usual_of(
        own, [*others, own, own | {"event_id": "8", "action": "block"}, own | {"event_id": "7", "user": "v"}, approved("x"), {}]
    )
    [amount] = usual_values(own, usual, "event")
    assert (amount.middle, amount.greatest, amount.is_strange) == (30.0, 40.0, True)
    assert met_before(own, usual) == {"kind": Met(3, 3), "device": Met(0, 3), "terminal": Met(3, 3)}


def test_what_is_usual_is_said_of_the_user_in_a_case_of_something_else() -> None:
    entities = [{"kind": "terminal", "id": "t1"}, {"kind": "customer", "id": "u"}]
    of_terminal, of_user = ({"entity": entity, "entities": entities} for entity in entities)
    event = happened("1", "review", 0.99)
    assert (user_of(of_terminal, event), user_of(of_user, event), user_of(of_terminal, None)) == (entities[1], None, None)
    assert user_of({"entity": entities[0], "entities": entities[:1]}, event) is None


@given(st.floats(-1e6, 1e6), st.dictionaries(st.text(max_size=5), st.floats(-1e6, 1e6), max_size=40))
def test_bars_stay_inside_the_drawing_and_add_up_to_the_score(base: float, inputs: dict[str, float]) -> None:
    bars = waterfall(Contributions(base=base, inputs=inputs))
    assert len(bars) <= SHOWN_MAX + 1
    assert base + sum(bar.value for bar in bars) == pytest.approx(Contributions(base=base, inputs=inputs).total, abs=1e-6)
    assert all(bar.x >= -0.1 and bar.x + bar.width <= WIDTH + 1.1 and bar.y == ROW * number for number, bar in enumerate(bars))


def test_contributions_are_read_as_a_decision_has_them_and_damaged_ones_are_left_out() -> None:
    told = {"model": "shape", "scale": "score", "base": 0.62, "inputs": {"event.amount": 0.13}}
    assert contributions_of(told) == Contributions("shape", "score", 0.62, {"event.amount": 0.13})
    assert [contributions_of(damaged) for damaged in ({}, None, "x", told | {"inputs": {"event.amount": "much"}})] == [None] * 4


@given(st.text(max_size=400))
def test_a_text_is_shown_without_any_markup_of_its_own(text: str) -> None:
    shown = str(text_of(text))
    assert shown.count("<") == 2
    assert shown.startswith("<bdi") and shown.endswith("</bdi>")


def happened(id: str, action: str, score: float | None, *rules: str) -> dict[str, object]:
    return {"event_id": id, "user": "u", "action": action, "score": score, "rules": list(rules)}


def test_the_most_telling_event_is_looked_at_unless_the_address_says_another() -> None:
    events = [happened("1", "review", 0.99, "fast"), happened("2", "block", 0.2, "fast", "out"), happened("3", "block", 0.9, "out")]
    events += [happened("4", "review", None), happened("5", "elsewhere", 1.0, "a", "b", "c")]
    assert (event_of(events, "", ""), event_of(events, "4", "u"), event_of(events, "4", "v"), event_of([], "", "")) == (
        events[1], events[3], events[1], None,
    )  # fmt: skip


def test_reasons_of_the_event_stand_before_those_of_the_case_and_none_stands_twice() -> None:
    case = {"reasons": ["6 terminals", "amount: 9"]}
    assert reasons_of(case, {"reasons": ["all was spent", "6 terminals"]}) == ("all was spent", "6 terminals", "amount: 9")
    assert reasons_of(case, None) == ("6 terminals", "amount: 9")


def test_values_are_shown_shortly() -> None:
    assert [number_of(value) for value in (None, 3, 3.0, 1234567)] == ["–", "3", "3", "1,234,567"]
    assert [number_of(value) for value in (0.123456, 1042.756, 8070.7, 9.259e-5, "x", True)] == [
        "0.1235", "1,042.76", "8,070.70", "0.00009259", "x", "True",
    ]  # fmt: skip
    assert (amount_of(1234.5), amount_of(None)) == ("1,234.50", "–")
    assert [span_of(ms) for ms in (None, 900, 61_000, 7_200_000, 172_800_000)] == ["–", "900 ms", "1 min", "2 h", "2 d"]
    assert str(time_of(0)) == '<time datetime="1970-01-01T00:00:00.000Z" title="1970-01-01 00:00:00 UTC">1970-01-01 00:00 UTC</time>'
    assert (str(time_of(None)), str(time_of(-1)), str(time_of(1 << 60))) == ("–", "–", "–")


def test_numbers_are_compared_with_events_of_their_kind_and_with_all_where_these_are_too_few() -> None:
    """A salary says nothing of what somebody pays in a shop."""
    bought = [approved(at, event={"amount": amount}, dimensions={"kind": None}) for at, amount in enumerate((20.0, 30.0, 40.0))]
    earned = [approved(at, event={"amount": 9_000.0}, dimensions={"kind": "incoming"}) for at in (5, 6)]
    plain = [approved(at, event={"amount": 1.0}) for at in range(4)]
    of_kind = {None: bought, "incoming": [*bought, *earned]}
    for kind, expected in of_kind.items():
        assert alike({"dimensions": {"kind": kind}}, [*bought, *earned]).events == expected
    assert alike({"dimensions": {"kind": "incoming"}}, [*bought, *earned]).words == "approved of all kinds"
    assert alike({"dimensions": {"type": "a"}}, [approved(1, dimensions={"type": "a"})] * 3).words == "approved of kind a"
    assert (alike({}, plain).events, alike({}, plain).words) == (plain, "approved")


def test_a_condition_shows_each_value_once_and_not_that_it_is_there() -> None:
    there = {"predicate": "has(event.kind)", "truth": "true", "values": {"event.kind": "transfer"}}
    asked = {"predicate": 'event.kind == "transfer"', "truth": "true", "values": {"event.kind": "transfer"}}
    missing = there | {"truth": "false", "values": {}}
    assert (telling([there, asked]), telling([there]), telling([missing, asked])) == ([asked], [there], [missing, asked])
    rule = {"pattern": "fast", "when": {"predicates": [asked]}}
    matches = [{"pattern": "slow", "values": {"a": 1}}, {"pattern": "fast", "values": {"event.kind": "transfer", "spent": 9.0}}]
    assert (matched_values(rule, matches), matched_values({"pattern": "fast", "when": None}, [])) == ({"spent": 9.0}, {})
    assert read_of([rule, {"pattern": "slow", "when": None}], matches) == {"a", "event.kind", "spent"}


@pytest.mark.parametrize(("hold", "told", "words"), [
    ({"state": "held", "until_ms": 0, "then": "decline"}, [], "held The payment waits until 1970-01-01 00:00 UTC; then: decline."),
    ({"state": "declined", "ended_at_ms": 0, "by": "<ana>"}, [{"state": "delivered"}, {"state": "pending"}],
     "declined The payment's hold has ended 1970-01-01 00:00 UTC by &lt;ana&gt;; taken by 1 of 2 receivers."),
])  # fmt: skip
def test_a_held_payment_is_shown_with_who_ended_it_and_who_has_taken_that(hold: object, told: object, words: str) -> None:
    shown = environment().get_template("payment.html").render(hold={"hold": hold, "told": told})
    assert " ".join(re.sub(r"<[^>]*>", "", shown).split()) == words
