"""A rule's file becomes what it declares."""

import pathlib

import pytest
from rule_scope import SCOPE, reading_of

from features.expressions.checker import Checker
from features.expressions.functions.types import Type
from features.expressions.names import Names
from features.expressions.program import Builder
from features.expressions.syntax.canonical import canonical
from foundation.document import read_document
from foundation.place import Source
from foundation.refusal import Refusal
from patterns.language.cost import STATE_BYTES_MAX
from patterns.language.pattern import Formula, Missing, Pattern
from patterns.language.rule_folder import read_patterns
from patterns.language.scope import seen_of

HERE = pathlib.Path(__file__).parent
DAY_MS = 86_400_000
END_OF_JANUARY_2027_MS = 1_801_440_000_000


def rule_of(text: str) -> Pattern:
    return reading_of(f"title: t\nowner: o\n{text}").whole()["rule"]


def steps(*written: str, more: str = "") -> str:
    return "sequence:\n  within: 1h\n" + more + "  steps:\n" + "".join(f"    - {step}\n" for step in written)


@pytest.fixture(scope="module")
def sample() -> Pattern:
    text = (HERE / "good" / "card_testing.yaml").read_text()
    return read_patterns({"card_testing": text}, SCOPE).whole()["card_testing"]


def test_the_sample_of_the_design_is_read_whole(sample: Pattern) -> None:
    assert (sample.id, sample.owner, sample.severity, sample.status) == ("card_testing", "payments-fraud", "high", "shadow")
    assert sample.parameters == {"small": 2.0, "times": 20.0}
    assert sample.missing is Missing.FALSE
    usual = sample.adaptive["usual_count"]
    assert (usual.rate, usual.half_life_ms, usual.floor, usual.cap, usual.key) == (0.001, 30 * DAY_MS, 4.0, None, "customer_id")
    sequence = sample.sequence
    assert sequence is not None
    assert (sequence.key, sequence.within_ms, sequence.ordered, sequence.strict, sequence.each) == (
        "customer_id",
        900_000,
        True,
        False,
        False,
    )
    probe, hit = sequence.steps
    assert (probe.least, probe.most, probe.gap_ms) == (3, None, None)
    assert (hit.least, hit.most, hit.gap_ms) == (1, 1, 300_000)
    (exception,) = sample.exceptions
    assert (exception.owner, exception.reason, exception.expires_ms) == ("ana", "T-91", END_OF_JANUARY_2027_MS)
    assert (sample.then.action, sample.then.adjust) == ("review", 1.0)
    (addition,) = sample.then.additions
    assert (addition.value, addition.to, addition.for_ms) == ("event.device_id", "watched_devices", 7 * DAY_MS)
    assert sample.promote.matches_at_most == 0.002
    assert sample.tests[0].event_ids == ("e1", "e2", "e3", "e5")


def test_constants_stand_in_the_place_of_parameters(sample: Pattern) -> None:
    assert sample.sequence is not None
    assert canonical(sample.sequence.steps[0].when.node) == "event.amount < 2.0"


def test_a_capture_of_an_earlier_step_is_one_name_with_a_type(sample: Pattern) -> None:
    assert sample.sequence is not None
    hit = sample.sequence.steps[1].when
    assert canonical(hit.node) == "event.amount > (20.0 * probe.mean(event.amount))"
    assert dict(hit.names) == {"event.amount": Type.DOUBLE, "probe.mean(event.amount)": Type.DOUBLE}


def test_a_formula_compiles_again_from_its_tree_and_names(sample: Pattern) -> None:
    assert sample.sequence is not None
    hit = sample.sequence.steps[1].when
    source = Source(hit.text, hit.place)
    checker = Checker(source, Names(hit.names, lists=True), Builder(source), {}, {})
    assert checker.scalar(hit.node).type is Type.BOOL


def test_a_reason_is_texts_and_formulas_by_turns(sample: Pattern) -> None:
    assert sample.then.reason is not None
    shown = [part if isinstance(part, str) else canonical(part.node) for part in sample.then.reason.parts]
    assert shown == ["probe.count", " probes, then ", "event.amount"]


def test_braces_in_a_reason_are_written_twice() -> None:
    rule = rule_of('when: event.amount > 1.0\nthen: {reason: "a {{b}} {event.amount}"}\n')
    assert rule.then.reason is not None
    assert rule.then.reason.parts[0] == "a {b} "
    assert isinstance(rule.then.reason.parts[1], Formula)


@pytest.mark.parametrize(
    ("written", "compared", "constant"),
    [
        ("small: 2.5", "event.amount >", "2.5"),
        ("small: 2", "event.amount >", "2"),
        ("small: {type: number, default: 2}", "event.amount >", "2.0"),
        ('small: "a"', "event.merchant_category ==", '"a"'),
        ("small: true", "event.online ==", "true"),
        ("small: [a, b]", "event.merchant_category in", '["a", "b"]'),
        ("small: [1, 2.5]", "event.amount in", "[1.0, 2.5]"),
        ("small: {type: duration, default: 90s}", "(event.ts - event.ts) >", 'duration("90.0s")'),
    ],
)
def test_a_parameter_is_a_constant_of_its_type(written: str, compared: str, constant: str) -> None:
    rule = rule_of(f"parameters: {{{written}}}\nwhen: {compared} parameter.small\n")
    assert rule.when is not None
    assert canonical(rule.when.node) == f"{compared} {constant}"


def test_a_rule_that_extends_another_takes_over_all_that_it_does_not_say_itself() -> None:
    parent = (
        "title: p\nowner: o\nseverity: high\nstatus: active\nparameters: {small: 2.0, more: 1.0}\nwhen: event.amount > parameter.small\n"
    )
    parent += "then: {action: block}\ntests:\n"
    parent += "  - {name: t, events: [{transaction_id: e, ts: 0s, customer_id: c, amount: 9}], expect: {matches: 1}}\n"
    child = "title: c\nextends: parent\nparameters: {small: 5}\nthen: {action: review}\n"
    rules = read_patterns({"child": child, "parent": parent}, SCOPE).whole()
    rule = rules["child"]
    assert rule.when is not None
    assert canonical(rule.when.node) == "event.amount > 5.0"
    assert (rule.title, rule.owner, rule.severity, rule.then.action) == ("c", "o", "high", "review")
    assert (rule.status, rule.tests, rule.extends) == ("draft", (), "parent")
    assert rules["parent"].when is not None
    assert canonical(rules["parent"].when.node) == "event.amount > 2.0"


def test_numbers_shares_and_lengths_of_time_may_be_parameters_so_that_an_extending_rule_has_others() -> None:
    parent = """title: p
owner: o
parameters: {few: 3+, wait: {type: duration, default: 15m}, floor: 4.0, alerts: 1%, most: 20}
adaptive: {usual: {of: event.amount, rate: parameter.alerts, floor: parameter.floor}}
sequence:
  within: parameter.wait
  steps:
    - {name: a, when: event.amount > adaptive.usual, times: parameter.few}
    - {name: b, when: event.ts - a.last(event.ts) < parameter.wait, gap: parameter.wait}
budget: {matches: parameter.most, per: 1h}
"""
    child = "title: c\nextends: parent\nparameters: {few: 2..5, wait: 90s, floor: 5, most: 7}\n"
    rules = read_patterns({"parent": parent, "child": child}, SCOPE).whole()
    shown = []
    for id in ("parent", "child"):
        sequence, budget = rules[id].sequence, rules[id].budget
        assert sequence is not None
        assert budget is not None
        a, b = sequence.steps
        shown.append((sequence.within_ms, a.least, a.most, b.gap_ms, rules[id].adaptive["usual"].floor, budget.matches))
    assert shown == [(900_000, 3, None, 900_000, 4.0, 20), (90_000, 2, 5, 90_000, 5.0, 7)]


def test_the_version_is_the_hash_of_the_text_and_a_change_of_the_rule_that_is_extended_is_another_thing() -> None:
    parent, child = "title: p\nowner: o\nwhen: event.amount > 1.0\n", "title: c\nextends: parent\n"
    before = read_patterns({"child": child, "parent": parent}, SCOPE).whole()
    after = read_patterns({"child": child, "parent": parent.replace("1.0", "2.0")}, SCOPE).whole()
    assert before["parent"].version != after["parent"].version
    assert before["child"].version == after["child"].version
    assert before["child"].texts != after["child"].texts


def test_a_rule_of_the_same_version_is_not_read_again() -> None:
    texts = {name: f"title: {name}\nowner: o\nwhen: event.amount > 1.0\n" for name in ("a", "b")}
    before = read_patterns(texts, SCOPE).whole()
    after = read_patterns(texts | {"b": texts["b"].replace("1.0", "2.0")}, SCOPE, known=before).whole()
    assert after["a"] is before["a"]
    assert after["b"] is not before["b"]


def test_a_day_at_the_end_of_something_belongs_to_it() -> None:
    rule = rule_of("when: event.online\neffective: {from: 2027-01-31, to: 2027-01-31}\n")
    assert rule.effective.from_ms == END_OF_JANUARY_2027_MS - DAY_MS
    assert rule.effective.to_ms == END_OF_JANUARY_2027_MS
    exact = rule_of('when: event.online\neffective: {to: "2027-01-31T00:00:00Z"}\n')
    assert exact.effective.to_ms == END_OF_JANUARY_2027_MS - DAY_MS


@pytest.mark.parametrize(("written", "least", "most"), [("3", 3, 3), ("3+", 3, None), ("2..5", 2, 5), ('"4"', 4, 4)])
def test_times_are_exact_at_least_or_between(written: str, least: int, most: int | None) -> None:
    rule = rule_of(steps(f"{{name: a, when: event.online, times: {written}}}"))
    assert rule.sequence is not None
    assert (rule.sequence.steps[0].least, rule.sequence.steps[0].most) == (least, most)


def test_another_key_reads_the_fields_of_the_event_and_its_own_features() -> None:
    rule = rule_of(steps("{name: a, when: feature.terminal_count_1h > 3.0 && event.amount > 1.0}", more="  key: terminal_id\n"))
    assert rule.sequence is not None
    assert rule.sequence.key == "terminal_id"


def test_a_pair_is_a_key_in_either_order() -> None:
    rule = rule_of(steps("{name: a, when: feature.pair_count_1d > 3.0}", more="  key: [device_id, customer_id]\n"))
    assert rule.sequence is not None
    assert rule.sequence.key == "customer_id+device_id"


def test_a_condition_beside_a_sequence_of_another_key_reads_everything() -> None:
    rule = rule_of("when: model.fraud_trees > 0.9\n" + steps("{name: a, when: event.online}", more="  key: terminal_id\n"))
    assert rule.when is not None


@pytest.mark.parametrize(
    ("of", "key"),
    [("event.amount", "customer_id"), ("feature.count_10m", "customer_id"), ("feature.terminal_count_1h * 2.0", "terminal_id")],
)
def test_a_threshold_is_learned_of_the_entity_of_what_it_reads(of: str, key: str) -> None:
    rule = rule_of(f"adaptive: {{usual: {{of: {of}, rate: 0.1%}}}}\nwhen: event.amount > adaptive.usual\n")
    assert rule.adaptive["usual"].key == key


def test_a_sequence_of_another_key_reads_a_threshold_of_that_key() -> None:
    usual = "adaptive: {usual: {of: feature.terminal_count_1h, rate: 0.1%}}\n"
    rule = rule_of(usual + steps("{name: a, when: feature.terminal_count_1h > adaptive.usual}", more="  key: terminal_id\n"))
    assert rule.sequence is not None
    assert "adaptive.usual" in rule.sequence.steps[0].when.names


def test_lists_that_a_condition_asks_are_named() -> None:
    rule = rule_of("when: event.device_id in list.watched_devices && !(event.card.country in list.blocked_cards)\n")
    assert rule.when is not None
    assert rule.when.lists == {"watched_devices", "blocked_cards"}


def test_the_state_of_a_repeated_step_grows_with_its_repetitions() -> None:
    few, many = (rule_of(steps(f"{{name: a, when: event.online, times: {n}+}}")).cost.state_bytes for n in (100, 300))
    assert many - few == 200 * 16
    assert 100 * 16 < few < many < STATE_BYTES_MAX


def test_the_state_of_a_step_with_a_greatest_number_grows_with_the_square_of_its_events() -> None:
    def state(times: str) -> int:
        return rule_of(steps("{name: a, when: event.online}", f"{{name: b, when: event.online, times: {times}}}")).cost.state_bytes

    assert 3.0 * state("20") < state("40") < 4.0 * state("20")


def test_a_rule_without_a_sequence_or_threshold_keeps_no_state() -> None:
    assert rule_of("when: event.online\n").cost.state_bytes == 0


def test_fields_and_texts_that_traffic_never_had_are_warned_of() -> None:
    seen = seen_of({"amount": None, "merchant_category": ["food", "fuel"]})
    text = 'title: t\nowner: o\nwhen: event.merchant_category == "fod" && event.online && event.merchant_category in ["fuel", "gas"]\n'
    assert reading_of(text, seen).warnings == (
        "patterns/rule.yaml:3:7: no event has had a value in event.online yet",
        'patterns/rule.yaml:3:34: no event has had "fod" in event.merchant_category yet; it has had food, fuel',
        'patterns/rule.yaml:3:95: no event has had "gas" in event.merchant_category yet; it has had food, fuel',
    )


def test_nothing_is_warned_of_while_nobody_knows_what_was_seen() -> None:
    assert reading_of('title: t\nowner: o\nwhen: event.merchant_category == "fod"\n').warnings == ()


def test_a_condition_that_has_one_answer_for_all_events_is_warned_of() -> None:
    (warning,) = reading_of('title: t\nowner: o\nwhen: "1 < 2"\n').warnings
    assert warning == "patterns/rule.yaml:3:8: 1 < 2 reads nothing of the event, so that it has one answer for all"


def test_events_of_a_test_take_over_what_they_have_in_common_and_may_say_how_long_after_the_beginning_they_are() -> None:
    rule = rule_of(
        "when: event.online\n"
        "tests:\n"
        "  - name: two\n"
        "    common: {customer_id: c, card.country: FR}\n"
        "    events: [{transaction_id: e1, ts: 0s, amount: 1}, {transaction_id: e2, ts: 5m, amount: 2, card.country: DE}]\n"
        "    given: {feature: {count_10m: 3}, list: {watched_devices: [d]}, entity: {customer_id: {vip: true}}}\n"
        "    expect: {matches: 0}\n"
    )
    (test,) = rule.tests
    first, second = test.events
    assert second["ts"] - first["ts"] == 300_000  # type: ignore[operator]
    assert (first["card"], second["card"]) == ({"country": "FR"}, {"country": "DE"})
    assert (test.given.numbers, test.given.facts, test.given.lists) == (
        {"feature.count_10m": 3.0},
        {"entity.customer_id.vip": True},
        {"watched_devices": ("d",)},
    )
    assert (test.matches, test.event_ids) == (0, None)


def test_all_events_of_a_test_may_have_one_time_in_common_written_as_a_length() -> None:
    rule = rule_of(
        "when: event.online\n"
        "tests:\n"
        "  - name: two\n"
        "    common: {customer_id: c, ts: 5m}\n"
        "    events: [{transaction_id: e1, amount: 1}, {transaction_id: e2, amount: 2}, {transaction_id: e3, ts: 6m, amount: 2}]\n"
        "    expect: {matches: 0}\n"
    )
    (test,) = rule.tests
    times = [event["ts"] for event in test.events]
    assert [time - times[0] for time in times] == [0, 0, 60_000]  # type: ignore[operator]


def test_a_rule_names_what_it_refers_to_and_what_it_does_not_catch() -> None:
    rule = rule_of("when: event.online\nreferences: [MITRE ATT&CK T1657, the chargeback guide]\nknown_gaps: [Payments by mail]\n")
    assert rule.references == ("MITRE ATT&CK T1657", "the chargeback guide")
    assert rule.known_gaps == ("Payments by mail",)
    with pytest.raises(Refusal, match="too many references: expected at most 50, got 51"):
        rule_of(f"when: event.online\nreferences: [{', '.join('r' * 51)}]\n")


@pytest.mark.parametrize(
    ("written", "share"), [("0.002", 0.002), ("0.2%", 0.002), ("1/500", 0.002), ("0.5/250", 0.002), ("1", 1.0), ("0", 0.0), ("100%", 1.0)]
)
def test_a_share_is_a_number_a_percentage_or_one_in_so_many(written: str, share: float) -> None:
    assert read_document(f"a: {written}", "f").at("a").share(0.0, 1.0) == pytest.approx(share)


@pytest.mark.parametrize("written", ["-0.1", "101%", "2", "1/0", "true", "often", "1 %", "1//2"])
def test_what_is_no_share_is_refused(written: str) -> None:
    with pytest.raises(Refusal):
        read_document(f"a: {written}", "f").at("a").share(0.0, 1.0)
