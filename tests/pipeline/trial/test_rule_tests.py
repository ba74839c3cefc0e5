"""Tests in the files of rules run by the engine: exact numbers of matches, and the ids of their events."""

import pytest

from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from patterns.language.rule_folder import read_patterns
from patterns.language.scope import Scope
from patterns.lists import DECLARATION
from pipeline.trial.rule_tests import run_rule_tests

TEXTS = {
    "schema": "{id: {field: id, type: integer}, time: {field: at, unit: ms}, user: who, entities: [shop],\n"
    "facts: {who: {vip: boolean}}, fields: {amount: {type: decimal, retain: true}, device: {type: string, required: false}}}",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: shop_1h, template: count, entity: shop, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\n",
    "list:watched": DECLARATION,
}
SEQUENCE = """
title: Probing
owner: tests
status: draft
sequence:
  within: 15m
  steps:
    - {name: probe, when: event.amount < 2.0, times: 2+}
    - {name: hit, when: event.amount > 20.0, gap: 5m}
tests:
  - name: two probes and a hit
    common: {who: a, shop: s}
    events: [{id: 1, at: 0s, amount: 1}, {id: 2, at: 1m, amount: 5}, {id: 3, at: 2m, amount: 1}, {id: 4, at: 3m, amount: 50}]
    expect: {matches: 1, events: [1, 3, 4]}
  - name: another key
    common: {shop: s}
    events: [{id: 1, at: 0s, amount: 1, who: a}, {id: 2, at: 1m, amount: 1, who: b}, {id: 3, at: 2m, amount: 50, who: a}]
    expect: {matches: 0}
"""
GIVEN = """
title: All that can be given
owner: tests
when: event.device in list.watched && feature.count_1h > 3.0 && model.own > 0.5 && entity.who.vip
tests:
  - name: all is given
    events: [{id: 1, at: 0s, amount: 1, who: a, shop: s, device: d}]
    given: {list: {watched: [d]}, feature: {count_1h: 4}, model: {own: 0.7}, entity: {who: {vip: true}}}
    expect: {matches: 1, events: [1]}
  - name: nothing is given
    events: [{id: 1, at: 0s, amount: 1, who: a, shop: s, device: d}]
    expect: {matches: 0}
"""
COUNTED = """
title: Windows are the engine's own
owner: tests
when: feature.count_1h > 2.0 && feature.shop_1h > 2.0
tests:
  - name: the third and fourth within an hour
    common: {who: a, shop: s, amount: 1}
    events: [{id: 1, at: 0s}, {id: 2, at: 1m}, {id: 3, at: 2m}, {id: 4, at: 3m}, {id: 5, at: 3h}]
    expect: {matches: 2, events: [3, 4]}
"""
OF_SHOP = """
title: A shop in a rush takes a large payment
owner: tests
adaptive:
  busy: {of: feature.shop_1h, rate: 1/100}
sequence:
  key: shop
  within: 10m
  steps:
    - {name: rush, when: feature.shop_1h > adaptive.busy}
    - {name: large, when: event.amount > 20.0}
tests:
  - name: all is given
    common: {shop: s}
    events: [{id: 1, at: 0s, amount: 1, who: a}, {id: 2, at: 1m, amount: 50, who: b}]
    given: {adaptive: {busy: 4}, feature: {shop_1h: 5}}
    expect: {matches: 1, events: [1, 2]}
  - name: the threshold alone is given
    common: {shop: s}
    events: [{id: 1, at: 0s, amount: 1, who: a}, {id: 2, at: 1m, amount: 1, who: a}, {id: 3, at: 2m, amount: 50, who: b}]
    given: {adaptive: {busy: 1}}
    expect: {matches: 1, events: [2, 3]}
  - name: nothing is given, so that there is no threshold
    common: {shop: s}
    events: [{id: 1, at: 0s, amount: 1, who: a}, {id: 2, at: 1m, amount: 50, who: b}]
    expect: {matches: 0}
"""


def problems(text: str) -> dict[str, str]:
    schema = read_schema(TEXTS["schema"])
    scope = Scope(schema, read_features(TEXTS["features"], schema), ("own",), frozenset(("watched",)))
    patterns = read_patterns({"rule": text}, scope).whole()
    return {outcome.test: outcome.problem for outcome in run_rule_tests(TEXTS | {"pattern:rule": text}, patterns)}


@pytest.mark.parametrize("text", [SEQUENCE, GIVEN, COUNTED, OF_SHOP])
def test_what_a_rule_matches_is_what_its_tests_expect(text: str) -> None:
    assert set(problems(text).values()) == {""}


@pytest.mark.parametrize(
    ("expected", "wrong", "problem"),
    [
        ("expect: {matches: 1, events: [1, 3, 4]}", "expect: {matches: 2}", "expected 2 matches, got 1: of the events 1, 3, 4"),
        ("events: [1, 3, 4]", "events: [1, 2, 4]", "expected matches of the events 1, 2, 4, got 1, 3, 4"),
        ("expect: {matches: 0}", "expect: {matches: 1, events: [3]}", "expected 1 match, got 0"),
    ],
)
def test_a_test_that_expects_something_else_says_what_came(expected: str, wrong: str, problem: str) -> None:
    assert problem in problems(SEQUENCE.replace(expected, wrong)).values()


def test_each_test_begins_with_nothing_known() -> None:
    twice = COUNTED + COUNTED[COUNTED.index("  - name") :].replace("the third", "again the third")
    assert list(problems(twice).values()) == ["", ""]
