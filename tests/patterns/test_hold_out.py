"""A share of blocked payments is drawn by their ids, and teaches for all of them."""

import numpy as np
import pytest

from foundation.refusal import Refusal
from patterns.hold_out import HoldOut, known_shares, weights_of
from patterns.policy import ACTIONS, read_policy

POLICY = "score: first_ready(m)\nbands: [{below: 0.5, action: approve}, {action: block}]\n"


def test_about_the_share_is_drawn_and_the_salt_says_which() -> None:
    ids = np.arange(200_000)
    one, again, other = (HoldOut(0.02, salt=salt).draws(ids) for salt in ("a", "a", "b"))
    assert abs(one.mean() - 0.02) < 0.002
    assert np.array_equal(one, again)
    assert abs((one & other).mean() - 0.02 * 0.02) < 0.0005
    assert not (HoldOut(0.01, salt="a").draws(ids) & ~one).any()  # a greater share draws all of a smaller one, and more


def test_what_was_blocked_has_no_outcome_and_what_was_drawn_counts_for_all_of_those_like_it() -> None:
    actions = np.array([ACTIONS.index(action) for action in ("approve", "review", "block", "approve", "approve")], np.uint8)
    shares = known_shares(actions, np.array([0.0, 0.0, 0.0, 0.05, 0.001]))
    assert shares.tolist() == [1.0, 1.0, 0.0, 0.05, 0.001]
    assert weights_of(shares).tolist() == [1.0, 1.0, 1.0, 20.0, 100.0]


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("hold_out: {share: 50%}", "not a share"),
        ("hold_out: {share: 0}", "not in range"),
        ("hold_out: {below: 10.0}", "bound of nothing"),
        ("hold_out: {share: 1%, of: review}", "unknown field"),
        ("loss: {value: event.amount, currency: EUR}\nhold_out: {share: 1%, below: -1}", "not in range"),
    ],
)
def test_what_cannot_be_is_refused(written: str, what: str) -> None:
    with pytest.raises(Refusal, match=what):
        read_policy(POLICY + written)


def test_a_bound_is_one_of_the_loss() -> None:
    policy = read_policy(POLICY + "loss: {value: event.amount, currency: EUR}\nhold_out: {share: 0.5%, below: 200.0, salt: pepper}")
    assert policy.hold_out == HoldOut(0.005, 200.0, "amount", "pepper")
