"""Candidates that match everything, err everywhere, or change nothing; and what a backtest says in words."""

import random
from typing import Any

import pytest
from backtest_streams import history_of, release_texts, standing_of
from stored_system import rule

from foundation.refusal import Refusal
from pipeline.backtest.backtest import Backtest
from pipeline.backtest.figures import Figures
from pipeline.backtest.report import report
from pipeline.backtest.side_by_side import CANDIDATES_MAX, side_by_side, with_candidate, without_bypass

HISTORY = history_of(random.Random(5), 60)
IN_FORCE = rule(5.0, "review")
TEXTS = release_texts({"in_force": (IN_FORCE, standing_of(IN_FORCE, "active"))})


def figures_of(rules: dict[str, str], without: tuple[str, ...] = (), texts: dict[str, str] = TEXTS) -> Figures:
    return Backtest(side_by_side(1, texts, with_candidate(texts, rules, without)), HISTORY, None).run()


def test_a_candidate_that_matches_everything_matches_each_event_that_counts() -> None:
    figures = figures_of({"all": rule(-1.0)})
    [found] = figures.rules
    assert (found.caught.counts.events, found.share) == (figures.span.events, 1.0)
    assert figures.after.actions["block"].events == figures.span.events
    assert sum(flip.changed.counts.events for flip in figures.flips) == figures.span.events
    assert all(len(flip.changed.examples) <= 10 for flip in figures.flips)


def test_a_candidate_that_errs_everywhere_matches_nothing_and_its_errors_are_counted_and_said() -> None:
    figures = figures_of({"bad": rule(1.0).replace("event.amount > 1.0", "event.id / 0 > 1")})
    [found] = figures.rules
    assert (found.caught.counts.events, figures.flips) == (0, [])
    assert found.errors >= figures.span.events
    assert "It matches none of the events." in report(figures)
    assert "It erred at" in report(figures)


def test_without_labels_nothing_is_said_of_precision_and_recall() -> None:
    figures = figures_of({"all": rule(-1.0)})
    [found] = figures.rules
    assert (found.caught.precision, found.caught.recall, figures.after.stopped.precision) == (None, None, None)
    assert figures.labels.negative_after_ms is None
    assert "labels      none" in report(figures)


def test_a_new_text_of_a_rule_is_shown_beside_the_one_that_it_replaces() -> None:
    figures = figures_of({"in_force": rule(7.0, "review")})
    assert [(found.id, found.role) for found in figures.rules] == [("in_force", "candidate"), ("in_force", "replaced")]
    new, old = figures.rules
    assert new.overlaps[0].both.events == new.caught.counts.events < old.caught.counts.events
    assert {(flip.from_, flip.to) for flip in figures.flips} == {("review", "approve")}


def test_a_rule_that_extends_the_candidate_is_tried_with_it() -> None:
    child = "title: Another\nextends: in_force\nthen: {action: block}\n"
    standings = {"in_force": (IN_FORCE, standing_of(IN_FORCE, "active")), "child": (child, standing_of(child, "active"))}
    figures = figures_of({"in_force": rule(7.0, "review")}, texts=release_texts(standings))
    assert sorted((found.id, found.role) for found in figures.rules) == [
        ("child", "candidate"),
        ("child", "replaced"),
        ("in_force", "candidate"),
        ("in_force", "replaced"),
    ]
    assert ("block", "approve") in {(flip.from_, flip.to) for flip in figures.flips}


def test_a_rule_in_shadow_is_tried_with_its_own_text() -> None:
    texts = release_texts({"watched": (IN_FORCE, standing_of(IN_FORCE, "shadow"))})
    [found] = figures_of({"watched": IN_FORCE}, texts=texts).rules
    assert (found.role, found.caught.counts.events > 0) == ("candidate", True)


@pytest.mark.parametrize(
    ("rules", "without", "what"),
    [
        ({}, (), "no candidate"),
        ({"in_force": IN_FORCE}, (), "nothing to try"),
        ({}, ("nobody",), "no rule to do without"),
        ({"in_force": rule(7.0)}, ("in_force",), "no rule to do without"),
        ({f"r{number}": rule(number) for number in range(CANDIDATES_MAX + 1)}, (), "too many rules"),
        ({"bad": rule(1.0).replace("event.amount", "event.colour")}, (), "unknown name"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_any_event(rules: dict[str, str], without: tuple[str, ...], what: str) -> None:
    with pytest.raises(Refusal) as refused:
        side_by_side(1, TEXTS, with_candidate(TEXTS, rules, without))
    assert refused.value.what == what


def test_a_bypass_that_is_on_does_not_keep_rules_from_deciding_in_a_backtest() -> None:
    texts = without_bypass({**TEXTS, "bypass": "{on: true}"})
    assert texts == TEXTS


def test_the_report_is_the_same_whether_figures_are_read_back_or_not() -> None:
    import msgspec

    figures: Any = figures_of({"all": rule(-1.0)})
    assert report(msgspec.json.decode(msgspec.json.encode(figures), type=Figures)) == report(figures)
