"""Challengers are scored beside the models that decide, and decide nothing until they are promoted."""

import json
from typing import Any

import msgspec
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from imitation import Imitation

from foundation.refusal import Refusal
from pipeline.engine.definitions.champions import CHAMPIONS, Champion, champions_text
from pipeline.engine.definitions.release import compile_release

OWN = "- {name: own, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 2}}\n"
WIDER = (
    "- {name: wider, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 4}, challenges: own}\n"
)
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
fields: {amount: {type: decimal, scale: 2, retain: true}}
""",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": OWN,
    "policy": '{score: "first_ready(own)", bands: [{below: 0.7, action: approve}, {below: 0.9, action: review}, {action: block}]}',
    "pattern:strange": """
title: The score is high
why: A test looks at it.
owner: test
severity: low
status: active
when: model.own > 0.8
missing: false
then: {action: review, reason: "{model.own}"}
""",
}
CHALLENGED = TEXTS | {"models": OWN + WIDER}
PROMOTED = CHALLENGED | {CHAMPIONS: champions_text({"own": Champion("wider", "own", "ben")})}
_SAID = ("event_id", "score", "action", "reasons", "contributions", "decided_by", "matches", "flags")


def decided(texts: dict[str, str], amounts: list[float]) -> list[dict[str, Any]]:
    job = Imitation()
    job.release(1, texts)
    job.events(
        [
            json.dumps({"id": at, "at": 1_700_000_000_000 + at * 60_000, "who": "u", "amount": each}).encode()
            for at, each in enumerate(amounts)
        ]
    )
    return list(job.decisions())


@settings(max_examples=examples(20), deadline=None)
@given(st.lists(st.integers(1, 1_000).map(float), min_size=1, max_size=12))
def test_a_challenger_changes_nothing_but_what_models_say(amounts: list[float]) -> None:
    alone, beside = decided(TEXTS, amounts), decided(CHALLENGED, amounts)
    assert [{name: each.get(name) for name in _SAID} for each in alone] == [{name: each.get(name) for name in _SAID} for each in beside]
    assert all(set(each["models"]) == {"own", "wider"} for each in beside)


def test_a_promoted_challenger_decides_and_rules_hear_it_in_its_place_and_the_one_before_is_still_scored() -> None:
    amounts = [10.0 + (7 * at) % 10 for at in range(20)] + [500.0]
    before, after = decided(CHALLENGED, amounts), decided(PROMOTED, amounts)
    for one, other in zip(before, after, strict=True):
        assert one["models"] == other["models"]
        assert other["score"] == one["models"]["wider"]["score"]
        assert other["contributions"].get("model", "wider") == "wider"
    last = after[-1]["matches"][0]["values"]
    assert last["model.own"] == after[-1]["models"]["wider"]["score"]


def test_what_a_model_learned_does_not_depend_on_whom_it_challenges() -> None:
    challenging = compile_release(1, CHALLENGED).models[1]
    alone = compile_release(1, TEXTS | {"models": OWN + WIDER.replace(", challenges: own", "")}).models[1]
    assert challenging.definition == alone.definition


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"models": OWN + WIDER.replace("challenges: own", "challenges: owner")}, "challenges nobody"),
        ({"policy": TEXTS["policy"].replace("first_ready(own)", "first_ready(own, wider)")}, "challenger in the policy"),
        ({"pattern:strange": TEXTS["pattern:strange"].replace("model.own >", "model.wider >")}, "unknown"),
        ({CHAMPIONS: champions_text({"own": Champion("other", "own")})}, "champion is missing"),
        ({"models": OWN + WIDER + "- {name: both, kind: combine, of: [own, wider]}\n"}, "challenger is read"),
        ({CHAMPIONS: "[]"}, "bad champions"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, str], what: str) -> None:
    with pytest.raises(Refusal, match=what):
        compile_release(1, CHALLENGED | change)


def test_champions_of_places_that_the_policy_no_longer_names_are_passed_over() -> None:
    release = compile_release(1, TEXTS | {CHAMPIONS: champions_text({"gone": Champion("wider", "gone")})})
    assert (release.champions, release.policy.models) == ({}, ("own",))
    assert msgspec.json.decode(champions_text({"own": Champion("wider", "own", "ben")})) == {
        "own": {"model": "wider", "before": "own", "by": "ben"}
    }
