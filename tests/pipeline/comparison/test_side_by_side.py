"""Measures of models side by side, against those of a replay and against what is known of how they were drawn."""

import numpy as np
import pytest
from drawn_outcomes import N, outcomes

from features.schema.label_sources import ANY_SOURCE
from pipeline.comparison.known_outcomes import DAY_MS, KnownOutcomes, known_outcomes
from pipeline.comparison.ranking import Counts
from pipeline.comparison.side_by_side import MEASURES, compare
from pipeline.replay.quality import quality_of
from stores.scored_events import GivenLabelOf, ScoredEvent, ScoredSample


def test_ranking_equals_that_of_a_replay() -> None:
    known = outcomes(1)
    scores = np.round(known.scores["old"], 2)  # many ties, and fewer values than there are bins
    found = Counts(scores, known.fraud, np.zeros(N, np.int64), 1).rank(np.ones((1, 1)))
    exact = quality_of(known.fraud.astype(np.int8), scores)
    assert (found.auc[0], found.ap[0]) == pytest.approx((exact["auc"], exact["ap"]), rel=1e-12)


def test_a_unit_that_counts_twice_is_a_unit_that_is_there_twice() -> None:
    known = outcomes(2)
    units = (known.days // DAY_MS).astype(np.int64)
    twice = np.concatenate([np.arange(N), np.flatnonzero(units == 3)])
    weights = np.where(np.arange(14) == 3, 2.0, 1.0)[None, :]
    found = Counts(known.scores["old"], known.fraud, units, 14).rank(weights)
    exact = quality_of(known.fraud[twice].astype(np.int8), known.scores["old"][twice])
    assert found.auc[0] == pytest.approx(exact["auc"], abs=2e-4)  # bins of a thousandth


def test_a_better_model_is_better_beyond_chance_and_an_equal_one_is_not() -> None:
    found = compare(outcomes(3), ["old", "new", "same"], frozenset({"old"}))
    assert (found.events, found.days, found.drawn) == (N, 14, "days")
    for measure in ("auc", "ap", "recall_at_1.0%"):
        low, high = found.gains["new"][measure].low, found.gains["same"][measure].high
        assert low is not None and low > 0.0
        assert high is not None and high > 0.0
    assert found.models["old"]["calibration_error"].value is not None
    assert found.models["new"]["calibration_error"].value is None
    assert set(found.models["old"]) == set(MEASURES)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth = 0.760250  # of two normal distributions one standard deviation apart: the normal distribution function at 1 / sqrt(2)
    inside = 0
    for seed in range(12):
        auc = compare(outcomes(100 + seed), ["old"], frozenset()).models["old"]["auc"]
        assert auc.low is not None and auc.high is not None
        inside += auc.low <= truth <= auc.high
    assert inside >= 9


def test_with_few_days_users_are_drawn() -> None:
    found = compare(outcomes(4, days=3), ["old"], frozenset())
    assert found.drawn == "users"
    assert found.models["old"]["auc"].low is not None


def test_nothing_known_is_no_measure() -> None:
    found = compare(known_outcomes(ScoredSample([], [], {}), {"old": frozenset({1})}, ANY_SOURCE, DAY_MS), ["old"], frozenset({"old"}))
    assert (found.events, found.frauds) == (0, 0)
    assert all(estimate == (None, None, None) for estimate in found.models["old"].values())


def test_an_outcome_is_the_label_that_stands_or_silence_of_what_was_not_blocked() -> None:
    def event(name: str, at_ms: int, action: str = "approve", release: int = 2) -> ScoredEvent:
        return ScoredEvent(name, "u", at_ms, 0.5, action, release, None, {"old": 0.5}, {})

    events = [
        event("silent", 0),
        event("blocked", 0, "block"),
        event("young", 9 * DAY_MS),
        event("told", 9 * DAY_MS),
        event("other", 0, release=1),
    ]
    labels = [GivenLabelOf("told", "a", 0, 1), GivenLabelOf("told", "a", 1, 2)]
    known = known_outcomes(ScoredSample(events, labels, {}), {"old": frozenset({2})}, ANY_SOURCE, 7 * DAY_MS)
    assert known.fraud.tolist() == [False, True, False]
    assert known.scores["old"].tolist()[:2] == [0.5, 0.5]
    assert np.isnan(known.scores["old"][2])


def test_card_precision_is_that_of_the_hundred_highest_users_of_a_day_or_of_the_share_that_is_known() -> None:
    n = 400
    scores = np.linspace(0.0, 1.0, n)
    fraud = np.arange(n) >= n - 30  # the 30 highest
    for share, expected in ((1.0, 0.3), (0.2, 1.0)):
        known = KnownOutcomes(np.zeros(n, np.int64), np.arange(n), fraud, {"m": scores}, np.full(n, np.nan), {0: share})
        assert compare(known, ["m"], frozenset()).models["m"]["card_precision_100"].value == pytest.approx(expected)
