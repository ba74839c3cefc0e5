"""Rules in shadow cannot act: decisions with them equal those without, but for what they say of these rules."""

import msgspec
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from imitation import Imitation

pytestmark = pytest.mark.slow

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": "{id: {field: id, type: integer}, time: {field: at, unit: ms}, user: who, fields: {amount: {type: decimal, scale: 2}}}",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
}
OTHER = ("matches", "match_count", "hidden", "thresholds", "processed_at", "latency_ms")
EVENTS = [
    msgspec.json.encode({"id": number, "at": START_MS + number, "who": f"u{number % 3}", "amount": float(number * 7 % 11)} | more)
    for number, more in [
        *((number, {}) for number in range(12)),
        (3, {}),
        (5, {"op": "correct", "amount": 9.5}),
        (7, {"op": "retract"}),
        (5, {}),
    ]
]
THENS = (
    "{action: block}",
    "{action: review}",
    "{action: approve}",
    "{adjust: 1.5}",
    "{adjust: -0.5, tag: calm}",
    "{action: block, tag: odd}",
)
WHENS = ("event.amount > 5.0", "feature.count_1h > 2.0", "event.amount < 9.0 || model.own > 0.5", "event.amount >= 0.0")
RULES = st.tuples(
    st.sampled_from(WHENS),
    st.sampled_from(THENS),
    st.sampled_from(("low", "medium", "high", "critical")),
    st.sampled_from((None, "1.0", "6.0")),
)
ORDERS = st.sampled_from(("strongest", "[block, review, approve, score]", "[approve, review, score]"))


def text_of(rule: tuple[str, str, str, str | None], status: str) -> str:
    when, then, severity, hidden_above = rule
    exceptions = "[]"
    if hidden_above is not None:
        exceptions = f"[{{when: event.amount > {hidden_above}, owner: a, reason: a test, expires: 2100-01-01}}]"
    return (
        f"title: A rule\nwhy: A test.\nowner: tests\nseverity: {severity}\nstatus: {status}\n"
        f"when: '{when}'\nthen: {then}\nexceptions: {exceptions}\n"
    )


def outcome(texts: dict[str, str]) -> tuple[list[dict[str, object]], list[bytes]]:
    """All decisions without what is said of rules in shadow, and all replies."""
    job = Imitation()
    job.release(1, TEXTS | texts)
    for first in range(0, len(EVENTS), 5):
        job.events(EVENTS[first : first + 5], reply="api")
    decisions = job.decisions()
    for decision in decisions:
        decision["acting"] = [match for match in decision["matches"] if not match["shadow"]]
        decision["excepted"] = [match for match in decision.get("hidden", []) if match["pattern"].startswith("m")]
        for name in OTHER:
            decision.pop(name, None)
    return decisions, [value for _, value in job.out["R"]]


@given(st.lists(RULES, max_size=4), st.lists(RULES, min_size=1, max_size=40), ORDERS)
@settings(max_examples=examples(40), deadline=None)
def test_decisions_and_replies_with_rules_in_shadow_equal_those_without(acting: list, shadow: list, order: str) -> None:
    policy = {"policy": f"{{score: first_ready(own), order: {order}, bands: [{{below: 0.7, action: approve}}, {{action: review}}]}}"}
    active = {f"pattern:m{number}": text_of(rule, "active") for number, rule in enumerate(acting)}
    watched = {f"pattern:{'az'[number % 2]}{number}": text_of(rule, "shadow") for number, rule in enumerate(shadow)}
    assert outcome(policy | active | watched) == outcome(policy | active)


def test_an_active_rule_in_the_place_of_one_in_shadow_makes_the_comparison_fail() -> None:
    policy = {"policy": "{score: first_ready(own), bands: [{action: approve}]}"}
    one = text_of((WHENS[0], THENS[0], "low", None), "active")
    assert outcome(policy | {"pattern:m": one}) != outcome(policy)
