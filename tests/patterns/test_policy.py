import numpy as np
import pytest

from foundation.refusal import Refusal
from patterns.hold_policy import HoldPolicy
from patterns.policy import ACTIONS, read_policy

POLICY = """
score: first_ready(fraud_lr, spend_shape)
bands: [{below: 0.30, action: approve}, {below: 0.80, action: review}, {action: block}]
fallback: {action: approve, when_score_older_than: {30d: review, 90d: block}}
"""


def test_a_score_on_a_bound_belongs_to_the_band_above() -> None:
    policy = read_policy(POLICY)
    codes = policy.decide_many(np.array([0.0, 0.2999, 0.30, 0.7999, 0.80, 1.0]))
    assert [ACTIONS[code] for code in codes] == ["approve", "approve", "review", "review", "block", "block"]


def test_a_missing_score_gets_the_fallback() -> None:
    policy = read_policy(POLICY.replace("fallback: {action: approve", "fallback: {action: review"))
    assert ACTIONS[policy.decide_many(np.array([np.nan]))[0]] == "review"


def test_models_are_asked_in_the_order_written() -> None:
    assert read_policy(POLICY).models == ("fraud_lr", "spend_shape")


def test_a_policy_that_says_nothing_of_its_scale_takes_scores_as_the_models_give_them() -> None:
    assert read_policy(POLICY).scale == "raw"
    assert read_policy(POLICY + "scale: stable\n").scale == "stable"


@pytest.mark.parametrize(
    ("age_ms", "action"),
    [(None, "approve"), (0, "approve"), (30 * 86_400_000 - 1, "approve"), (30 * 86_400_000, "review"), (90 * 86_400_000, "block")],
)
def test_the_fallback_hardens_with_the_age_of_the_score(age_ms: int | None, action: str) -> None:
    assert read_policy(POLICY).fallback.action_at(age_ms) == action


def test_a_policy_that_names_a_model_which_is_not_there_is_refused_with_its_place_and_those_that_are() -> None:
    with pytest.raises(Refusal, match=r"policy.yaml:2:30: unknown model: expected one of fraud_lr, other, got spend_shape"):
        read_policy(POLICY, known=("fraud_lr", "other"))
    with pytest.raises(Refusal, match=r"policy.yaml:2:20: unknown model: expected a model of models.yaml, which has none, got fraud_lr"):
        read_policy(POLICY, known=())


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (("first_ready(fraud_lr, spend_shape)", "max(a)"), "policy.yaml:2:8", "first_ready"),
        (("action: review}, {action: block}", "action: reveiw}, {action: block}"), "policy.yaml:3:63", "did you mean review?"),
        (("below: 0.80", "below: 0.20"), "policy.yaml:3:8", "growing"),
        (("{action: block}]", "{below: 0.9, action: block}]"), "policy.yaml:3:72", "last band"),
        (("fallback:", "fallbak:"), "policy.yaml:4:1", "did you mean fallback?"),
        (("30d", "30 days"), "policy.yaml:4", "duration"),
        (("bands:", "scale: stabel\nbands:"), "policy.yaml:3:8", "did you mean stable?"),
        (("bands:", "scale: 1\nbands:"), "policy.yaml:3:8", "raw, stable"),
    ],
)
def test_a_bad_policy_is_refused_with_its_place_and_a_remedy(change: tuple[str, str], place: str, words: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_policy(POLICY.replace(*change))
    assert str(refused.value).startswith(place)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("score", "place"),
    [
        ("first_ready(fraud_lr, spend)", "3:30"),
        ('"first_ready(fraud_lr,  spend)"', "3:32"),
        ("|\n  first_ready(fraud_lr,\n   spend)", "5:4"),
    ],
)
def test_a_model_that_is_not_there_is_refused_where_it_is_named(score: str, place: str) -> None:
    text = f"# said\n\nscore: {score}\nbands: [{{action: approve}}]\n"
    with pytest.raises(Refusal, match=rf"policy.yaml:{place}: unknown model: .* got spend; did you mean"):
        read_policy(text, known=("fraud_lr", "spend_shape"))


def test_a_policy_says_which_decisions_hold_a_payment_and_for_how_long() -> None:
    assert read_policy(POLICY).hold is None
    read = read_policy(POLICY + "hold: {actions: [review], for: 24h, then: decline}\n")
    assert read.hold == HoldPolicy(("review",), 86_400_000, "decline")


@pytest.mark.parametrize(
    "bad",
    [
        "{actions: [], for: 24h, then: decline}",
        "{actions: [review, review], for: 24h, then: decline}",
        "{actions: [hold], for: 24h, then: decline}",
        "{actions: [review], for: 24h, then: block}",
        "{actions: [review], for: 1ms, then: decline}",
        "{actions: [review], then: decline}",
        "{actions: [review], for: 24h, then: decline, until: 5}",
    ],
)
def test_a_hold_that_makes_no_sense_is_refused_with_its_place(bad: str) -> None:
    with pytest.raises(Refusal, match=r"policy\.yaml:5:"):
        read_policy(POLICY + f"hold: {bad}\n")
