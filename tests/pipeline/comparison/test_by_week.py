"""Measures of models week by week, against those of a replay of each week alone."""

import numpy as np
import pytest
from drawn_outcomes import outcomes

from features.schema.label_sources import ANY_SOURCE
from pipeline.comparison.by_week import weeks_of
from pipeline.comparison.known_outcomes import DAY_MS, known_outcomes
from pipeline.comparison.side_by_side import compare
from pipeline.replay.quality import quality_of
from stores.scored_events import ScoredSample


def test_each_week_is_measured_as_if_there_were_no_other() -> None:
    known = outcomes(5, days=17)
    weeks = weeks_of(known, ["old", "new"])
    assert [week.from_ms // DAY_MS for week in weeks] == [-4, 3, 10]
    for week in weeks:
        own = (known.days >= week.from_ms) & (known.days < week.from_ms + 7 * DAY_MS)
        assert (week.events, week.frauds) == (own.sum(), known.fraud[own].sum())
        for name, measures in week.models.items():
            exact = quality_of(known.fraud[own].astype(np.int8), known.scores[name][own])
            assert (measures["auc"], measures["ap"]) == pytest.approx((exact["auc"], exact["ap"]), abs=2e-3)  # bins of a thousandth


def test_card_precision_of_a_week_is_that_of_its_days() -> None:
    known = outcomes(6, days=7)
    [week] = weeks_of(known, ["new"])
    assert week.models["new"]["card_precision_100"] == pytest.approx(
        compare(known, ["new"], frozenset()).models["new"]["card_precision_100"].value
    )


def test_a_week_without_fraud_has_no_ranking() -> None:
    known = outcomes(7, days=8)
    known.fraud[known.days == 0] = False
    first, _ = weeks_of(known, ["old"])
    assert (first.frauds, first.models["old"]["auc"], first.models["old"]["ap"]) == (0, None, None)


def test_nothing_known_is_no_week() -> None:
    assert weeks_of(known_outcomes(ScoredSample([], [], {}), {"old": frozenset({1})}, ANY_SOURCE, DAY_MS), ["old"]) == []
