"""The bounds of a rule's promotion are compared with what was measured of it."""

import pytest

from patterns.language.pattern import Promote
from patterns.lifecycle.promotion import Measured, unmet


def test_a_rule_without_bounds_keeps_them_whatever_was_measured() -> None:
    assert unmet(Promote(), Measured(0, 0, 0, 0)) == []


@pytest.mark.parametrize(
    ("promote", "measured"),
    [
        (Promote(matches_at_least=0.01), Measured(100, 1, 0, 0)),
        (Promote(matches_at_most=0.01), Measured(100, 1, 0, 0)),
        (Promote(precision_at_least=0.2), Measured(100, 50, 1, 4)),
    ],
)
def test_a_measure_that_equals_its_bound_keeps_it(promote: Promote, measured: Measured) -> None:
    assert unmet(promote, measured) == []


@pytest.mark.parametrize(
    ("promote", "measured", "said"),
    [
        (Promote(matches_at_least=0.02), Measured(100, 1, 0, 0), "at least 2 % of the events, and matched 1 of 100, which is 1 %"),
        (Promote(matches_at_most=0.002), Measured(1_000, 3, 0, 0), "at most 0.2 % of the events, and matched 3 of 1,000, which is 0.3 %"),
        (
            Promote(precision_at_least=0.5),
            Measured(100, 50, 1, 4),
            "at least 50 % of the rule's labelled matches have to be fraud, and 1 of 5",
        ),
    ],
)
def test_a_measure_beyond_its_bound_is_said_with_both(promote: Promote, measured: Measured, said: str) -> None:
    [sentence] = unmet(promote, measured)
    assert said in sentence


def test_nothing_measured_keeps_no_bound() -> None:
    every = Promote(matches_at_least=0.0, matches_at_most=1.0, precision_at_least=0.0)
    assert len(unmet(every, Measured(0, 0, 0, 0))) == 3


def test_matches_without_a_label_say_nothing_of_the_precision() -> None:
    assert len(unmet(Promote(precision_at_least=0.1), Measured(100, 50, 0, 0))) == 1
