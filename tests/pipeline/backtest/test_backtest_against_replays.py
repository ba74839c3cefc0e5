"""A backtest says what two replays say, one with the rules in force and one with the candidate among them."""

import datetime
import random
from collections import Counter
from collections.abc import Mapping

import pytest
from backtest_streams import Said, history_of, labels_of, release_texts, replayed, rule_text, standing_of
from example_counts import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from patterns.policy import ACTIONS
from pipeline.backtest.backtest import Backtest, Wanted
from pipeline.backtest.figures import Changed, Counts, Figures, RuleFigures
from pipeline.backtest.side_by_side import side_by_side, with_candidate
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.event_keys import Labels
from pipeline.tables.event_files import History

pytestmark = pytest.mark.slow

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NEGATIVE_AFTER_MS = 12 * HOUR_MS


def kinds_of(history: History, labels: Labels | None) -> list[str]:
    """What is known of each row's event, read off the labels one by one."""
    if labels is None:
        return ["unknown"] * len(history.batch)
    marks = dict(zip(labels.id_keys.tolist(), labels.labels.tolist(), strict=True))
    newest = int(history.batch.times_ms.max())
    kinds = []
    first_times = dict(reversed(list(zip(history.batch.id_keys.tolist(), history.batch.times_ms.tolist(), strict=True))))
    for id in history.batch.id_keys.tolist():
        aged = first_times[id] <= newest - NEGATIVE_AFTER_MS and len(marks.keys() & first_times.keys()) > 0
        kinds.append({1: "fraud", 0: "good"}.get(marks.get(id, -1), "good" if aged else "unknown"))
    return kinds


def counts_of(kinds: list[str]) -> Counts:
    counted = Counter(kinds)
    return Counts(len(kinds), counted["fraud"], counted["good"], counted["unknown"])


class Two:
    """What both replays say of the events that count."""

    def __init__(self, before: Mapping[int, Said], after: Mapping[int, Said], kinds: list[str], wanted: Wanted) -> None:
        assert before.keys() == after.keys()
        inside = lambda said: (wanted.from_ms or 0) <= said.time_ms < (wanted.to_ms or 10**15)  # noqa: E731
        self.rows = [row for row in sorted(before) if inside(before[row])]
        self.before, self.after, self.kinds = before, after, kinds

    def counts(self, rows: list[int]) -> Counts:
        return counts_of([self.kinds[row] for row in rows])

    def actions(self, decisions: Mapping[int, Said]) -> dict[str, Counts]:
        return {action: self.counts([row for row in self.rows if decisions[row].action == action]) for action in ACTIONS}

    def flips(self, from_: str, to: str) -> list[int]:
        return [row for row in self.rows if (self.before[row].action, self.after[row].action) == (from_, to)]

    def matched(self, rule: tuple[str, str], decisions: Mapping[int, Said]) -> list[int]:
        return [row for row in self.rows if rule in decisions[row].rules]


def check_changed(two: Two, changed: Changed, rows: list[int]) -> None:
    assert changed.counts == two.counts(rows)
    assert changed.users == len({two.before[row].user for row in rows})
    assert abs(changed.value.sum - sum(two.before[row].amount for row in rows)) < 1e-6
    dearest = sorted(rows, key=lambda row: (-two.before[row].amount, row))[:10]
    assert [each.event_id for each in changed.examples] == [two.before[row].event_id for row in dearest]


def check(figures: Figures, two: Two, after_rules: set[tuple[str, str]]) -> None:
    assert figures.span.events == len(two.rows)
    assert figures.before.actions == two.actions(two.before)
    assert figures.after.actions == two.actions(two.after)
    assert {(flip.from_, flip.to) for flip in figures.flips} == {
        (from_, to) for from_ in ACTIONS for to in ACTIONS if from_ != to and two.flips(from_, to)
    }
    for flip in figures.flips:
        check_changed(two, flip.changed, two.flips(flip.from_, flip.to))
    differ = [row for row in two.rows if two.before[row].action != two.after[row].action]
    stopped = [row for row in differ if two.before[row].action == "approve"]
    released = [row for row in differ if two.after[row].action == "approve"]
    found = figures.counterexamples
    check_changed(two, found.fraud_stopped, [row for row in stopped if two.kinds[row] == "fraud"])
    check_changed(two, found.good_stopped, [row for row in stopped if two.kinds[row] == "good"])
    check_changed(two, found.good_released, [row for row in released if two.kinds[row] == "good"])
    check_changed(two, found.fraud_released, [row for row in released if two.kinds[row] == "fraud"])
    users = lambda rows: len({two.before[row].user for row in rows})  # noqa: E731
    strict = ACTIONS.index
    assert figures.people.stricter == users([row for row in differ if strict(two.after[row].action) > strict(two.before[row].action)])
    assert figures.people.milder == users([row for row in differ if strict(two.after[row].action) < strict(two.before[row].action)])
    assert figures.people.good_stopped == users([row for row in stopped if two.kinds[row] == "good"])
    for rule in figures.rules:
        check_rule(rule, two, after_rules)
    candidates = {(rule.id, rule.version[:12]) for rule in figures.rules if rule.role == "candidate"}
    matched = [row for row in two.rows if candidates & two.after[row].rules.keys()]
    assert figures.people.matched == users(matched)
    for day in figures.days:
        own = [row for row in two.rows if two.before[row].time_ms // DAY_MS == figures_day(day.day)]
        assert (day.events, day.matches) == (two.counts(own), two.counts([row for row in own if row in matched]))
        assert day.flips == two.counts([row for row in own if row in differ])
    assert sum(day.events.events for day in figures.days) == len(two.rows)


def figures_day(name: str) -> int:
    return (datetime.date.fromisoformat(name) - datetime.date(1970, 1, 1)).days


def check_rule(rule: RuleFigures, two: Two, after_rules: set[tuple[str, str]]) -> None:
    key = rule.id, rule.version[:12]
    decisions = two.after if rule.role == "candidate" else two.before
    matched = two.matched(key, decisions)
    assert rule.caught.counts == two.counts(matched)
    assert rule.users == len({two.before[row].user for row in matched})
    acting = lambda row: {name for name, acts in two.after[row].rules.items() if name in after_rules} - {key}  # noqa: E731
    assert rule.alone == two.counts([row for row in matched if not acting(row)])
    assert rule.uncaught == two.counts([row for row in matched if two.before[row].action == "approve"])
    fraud = two.counts(two.rows).fraud
    assert rule.caught.recall == (rule.caught.counts.fraud / fraud if fraud else None)
    if rule.budget is not None:
        times = [two.before[row].time_ms for row in matched]
        beyond = [at for at in range(2, len(times)) if times[at] - times[at - 2] < 3 * HOUR_MS]
        assert rule.budget.first_at == times[beyond[0]]
        assert rule.budget.matches_from_then_on == len(times) - 1 - beyond[0]
    for overlap in rule.overlaps:
        other = overlap.rule, overlap.version[:12]
        theirs = set(two.matched(other, two.before)) | set(two.matched(other, two.after))
        both = [row for row in matched if row in theirs]
        assert overlap.both == two.counts(both)
        assert (overlap.only_this, overlap.only_other) == (len(matched) - len(both), len(theirs) - len(both))


@given(st.randoms(use_true_random=False))
@settings(max_examples=examples(60), deadline=None)
def test_a_backtest_equals_a_replay_without_and_one_with_the_candidate(draw: random.Random) -> None:
    statuses = ("active", "active", "canary", "shadow", "paused")
    in_force = {}
    for number in range(draw.randrange(4)):
        text = rule_text(draw)
        in_force[f"r{number}"] = (text, standing_of(text, draw.choice(statuses), 0.5))
    candidate = {draw.choice(("r0", "r1", "new", "z_new")): rule_text(draw) for _ in range(draw.randrange(1, 3))}
    paused = [id for id in in_force if id not in candidate and draw.random() < 0.2]
    texts = release_texts(in_force)
    after = with_candidate(texts, candidate, paused)
    history = history_of(draw, 40)
    labels = labels_of(draw, history)
    start = int(history.batch.times_ms[0])
    wanted = Wanted(draw.choice((None, start + 10 * HOUR_MS)), draw.choice((None, start + 30 * HOUR_MS)), "amount")
    assume(any(in_force.get(id, ("",))[0] != text for id, text in candidate.items()))
    figures = Backtest(side_by_side(1, texts, after), history, labels, wanted).run()
    two = Two(replayed(texts, history, labels), replayed(after, history, labels), kinds_of(history, labels), wanted)
    release = compile_release(1, after)
    acting = {(rule.pattern.id, rule.pattern.version[:12]) for rule in release.rules.rules if rule.acts}
    check(figures, two, acting)


@given(st.randoms(use_true_random=False))
@settings(max_examples=examples(30), deadline=None)
def test_a_candidate_matches_the_events_that_it_matches_in_shadow(draw: random.Random) -> None:
    own, other = rule_text(draw), rule_text(draw)
    texts = release_texts({"other": (other, standing_of(other, "active"))})
    history = history_of(draw, 60)
    figures = Backtest(side_by_side(1, texts, with_candidate(texts, {"new": own})), history, None).run()
    shadow = release_texts({"other": (other, standing_of(other, "active")), "new": (own, standing_of(own, "shadow"))})
    said = replayed(shadow, history, None)
    matches = [event for event in said.values() if any(rule == "new" for rule, _ in event.rules)]
    [found] = figures.rules
    assert (found.role, found.caught.counts.events) == ("candidate", len(matches))
