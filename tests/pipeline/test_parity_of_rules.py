"""Rules give the same matches, actions and reasons, bit for bit, in every way in which the system decides without Flink.

The ways are the tests in the rules' files, a replay, the three stages, a solo system, a backtest, a shadow and a canary for all; the stages
and the solo system are killed and restored on the way. `tests/integration/test_parity_of_rules_on_flink.py` has the score job's.

A user teaches a threshold with what was approved alone, so that a rule that watches and one that acts learn otherwise, as they ought to.
Matches of the rule that learns are compared among the ways that act, and among those that watch.
"""

import copy
import dataclasses
import functools
import pathlib
from collections.abc import Sequence

import msgspec
import pytest
from decided_case import Case, Json, Outcome, as_decisions, as_json, replayed_with_absences, served
from imitation import Imitation
from rule_matrix import (
    AWAITING,
    LEARNING,
    PLANTED,
    case_of,
    differences,
    matched,
    planted_error,
    rules_in,
    sample_texts,
    standing,
    stream,
    watched,
    without,
)

from detectors.snapshot_parts import parts_of
from patterns.entries import Change
from patterns.language.pattern import Given, InlineTest
from patterns.lifecycle.budget_window import BudgetWindow
from patterns.rules.rule_set import RuleSet
from pipeline.backtest.backtest import Backtest
from pipeline.backtest.seen_events import SeenEvents
from pipeline.backtest.side_by_side import side_by_side, with_candidate
from pipeline.engine.definitions.release import compile_release
from pipeline.flink.dict_state import DictState
from pipeline.trial.rule_tests import run_rule_tests

pytestmark = pytest.mark.slow

NOT_MATCHED = {"merchant_burst", "mule_fan_out", "dormant_account"}
"""Rules of the sample that this short stream need not match."""
TRIED_ALONE = 160
"""So many events, at most, are told to the test of one rule."""


class Feed:
    """Entries that are there from the beginning."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = list(changes)

    def start(self) -> None:
        """Nothing waits for them."""

    def take(self) -> Sequence[Change]:
        taken, self._changes = self._changes, []
        return taken


@functools.cache
def case_in(status: str, taught: bool = True) -> Case:
    """The case in which all rules have one status; ways that are compared share what was learned from the lesson."""
    return case_of(standing(sample_texts(), status), taught=taught)


@functools.cache
def expected(status: str = "active", taught: bool = True) -> Outcome:
    """What a replay says when all rules have one status; a trailing absence is told whatever else the rule does."""
    return replayed_with_absences(case_in(status, taught))


def staged(case: Case, sizes: Sequence[int], killed_after: int) -> Outcome:
    """What the three stages say. They write their state after every third part, and are killed once between two of these."""
    job, saved, unsaved, at, parts = started(case, DictState(), DictState()), (DictState(), DictState()), list[bytes](), 0, 0
    out = Outcome([], {})
    while at < len(case.values):
        part = list(case.values[at : at + sizes[parts % len(sizes)]])
        at, parts = at + len(part), parts + 1
        take(job, case, part, at)
        unsaved += part
        if parts % 3 == 0:
            job.checkpoint()
            saved, unsaved = (copy.deepcopy(job.entity_state), copy.deepcopy(job.user_state)), []
        if parts == killed_after:
            assert unsaved
            keep(out, job)
            job = started(case, *saved)
            take(job, case, unsaved, at)
    keep(out, job)
    return out


def started(case: Case, entity: DictState, user: DictState) -> Imitation:
    job = Imitation(entity, user, entries=Feed(case.entries))
    job.release(1, case.texts)
    job.control([("m", key, value) for snapshot in case.snapshots for key, value in parts_of(snapshot)])
    return job


def take(job: Imitation, case: Case, part: list[bytes], until: int) -> None:
    job.events(part)
    job.pass_time(max(event.time_ms for event in case.events[:until]))


def keep(out: Outcome, job: Imitation) -> None:
    out.decisions.extend(as_json(msgspec.json.encode(each)) for each in job.decisions())
    out.absences.update({str(each["id"]): each for each in job.absences()})


class Told(Backtest):
    """A backtest that keeps each decision with the candidate."""

    def decide(self) -> "Told":
        self.decisions: list[Json] = []
        self.figures = self.run()
        return self

    def _take(self, seen: SeenEvents) -> None:
        self.decisions += as_decisions(seen.after, seen.batch)
        super()._take(seen)


@functools.cache
def backtested(*left_out: str) -> Told:
    """All rules but those that are left out as candidates, beside a system that has none in force."""
    texts = without(sample_texts(), *left_out)
    case = case_of(texts, taught=False)
    both = side_by_side(1, standing(texts, "paused"), with_candidate(standing(texts, "paused"), rules_in(texts)))
    return Told(both, case.history(case.events), None, entries=case.entries).decide()


def test_the_stream_has_matches_of_the_rules_and_of_all_kinds_that_were_planted() -> None:
    counts = matched(expected())
    assert counts.keys() >= rules_in(sample_texts()).keys() - NOT_MATCHED
    assert counts.keys() >= PLANTED.keys()
    assert {decision["action"] for decision in expected().decisions} == {"approve", "review", "block"}
    assert any(decision["hidden"] for decision in expected().decisions if "hidden" in decision)


def test_the_stages_that_are_killed_and_restored_decide_as_replay() -> None:
    out = staged(case_in("active"), [200, 1, 37], killed_after=14)
    assert differences(out.decisions, expected().decisions) == []
    assert out.absences == expected().absences


def test_a_solo_system_that_is_killed_and_started_again_decides_as_replay(tmp_path: pathlib.Path) -> None:
    out = served(case_in("active"), tmp_path, [200, 1, 37], ends_after=9, awaited=expected().absences)
    assert differences(out.decisions, expected().decisions) == []
    assert out.absences == expected().absences


def test_a_canary_for_all_decides_as_rules_that_are_active() -> None:
    assert differences(expected("canary").decisions, expected().decisions) == []


def test_rules_in_shadow_match_what_they_match_when_they_act() -> None:
    shadow = watched(expected("shadow").decisions, LEARNING)
    assert differences(shadow, watched(expected().decisions, LEARNING)) == []
    assert all(match["shadow"] for decision in expected("shadow").decisions for match in decision["matches"])


def test_rules_in_shadow_match_the_same_in_the_stages_and_in_replay() -> None:
    out = staged(case_in("shadow"), [150, 33], killed_after=7)
    assert differences(out.decisions, expected("shadow").decisions) == []
    assert out.absences == expected("shadow").absences


def test_a_backtest_matches_what_a_shadow_matches() -> None:
    shadow = expected("shadow", taught=False).decisions
    assert differences(watched(backtested().decisions), watched(shadow)) == []
    assert LEARNING in str(watched(shadow))


def test_a_backtest_decides_with_its_candidates_as_a_replay_in_which_they_are_active() -> None:
    texts = standing(without(sample_texts(), LEARNING), "active")
    replayed = replayed_with_absences(case_of(texts, taught=False)).decisions
    assert differences(in_one_order(backtested(LEARNING).decisions), in_one_order(replayed)) == []


def in_one_order(decisions: list[Json]) -> list[Json]:
    """Matches by the ids of their rules: a backtest leaves them in the order of those that watch."""
    ordered = lambda matches: sorted(matches, key=lambda match: match["pattern"])  # noqa: E731
    return [{**decision, "matches": ordered(decision["matches"])} for decision in decisions]


def test_a_budget_would_have_tripped_where_the_decisions_that_were_served_trip_it() -> None:
    budget, newest_ms, tripped = None, 0, []
    window = BudgetWindow(60_000)
    for decision in expected(taught=False).decisions:
        time_ms = int(decision["event_time"])  # type: ignore[call-overload]
        newest_ms = max(newest_ms, time_ms)
        for match in decision["matches"]:  # type: ignore[attr-defined]
            if "budget" in match:
                budget = budget or compiled_budget()
                tripped += [time_ms] if window.spend(time_ms, newest_ms, budget) else []
    [trips] = [each.budget for each in backtested().figures.rules if each.id == "small_amounts"]
    assert trips is not None
    assert 0 <= tripped[0] - trips.first_at <= 1_000, "a window of one minute is counted in spans of a second"


def compiled_budget():
    rules = compile_release(1, sample_texts()).rules
    assert isinstance(rules, RuleSet)
    return next(rule.pattern.budget for rule in rules.rules if rule.pattern.id == "small_amounts")


@pytest.mark.parametrize("rule", sorted(rules_in(sample_texts()).keys() - {LEARNING}))
def test_the_test_of_a_rule_matches_what_a_replay_of_its_events_matches(rule: str) -> None:
    texts = sample_texts()
    values = told_to_test(rule)
    alone = without(texts, *(rules_in(texts).keys() - {rule}))
    case = case_of(standing(alone, "active"), values, taught=False)
    found = replayed_with_absences(case, to_the_end=True)
    ids = ids_of(case, found)
    count = matched(found).get(rule, 0)
    assert count > 0 or rule in NOT_MATCHED
    assert run_test(alone, rule, values, ids, count) == ""
    assert run_test(alone, rule, values, ids, count + 1) != "", "a test that expects something else fails"


def told_to_test(rule: str) -> list[bytes]:
    """Events around those that a rule matched first: of the same customers, terminals, payees and devices."""
    case = case_of()
    rows = [row for row, decision in enumerate(expected().decisions) if rule in [match["pattern"] for match in decision["matches"]]]
    named = [set(filter(None, (event.user, *event.entities))) for event in case.events]
    last = rows[0] if rows else len(named) - 1
    if rule in AWAITING:
        last = len(named) - 1
    wanted = named[last] if rows else {event.user for event in case.events[-20:]}
    near = [row for row in range(last + 1) if named[row] & wanted]
    return [case.values[row] for row in near[-TRIED_ALONE:]]


def ids_of(case: Case, found: Outcome) -> list[str]:
    """The ids of all events of all matches."""
    names = {(event.time_ms, event.id_key): event.id for event in case.events}
    ids: dict[str, None] = {}
    for decision in found.decisions:
        for match in decision["matches"]:  # type: ignore[attr-defined]
            own = [names[at, key] for at, key in match.get("events", ())]
            ids |= dict.fromkeys(own or [str(decision["event_id"])])
    for absence in found.absences.values():
        ids |= dict.fromkeys(names[at, key] for at, key in absence["events"])  # type: ignore[attr-defined]
    return list(ids)


def run_test(texts: dict[str, str], rule: str, values: Sequence[bytes], ids: Sequence[str], count: int) -> str:
    """What is wrong with a test of the rule that expects this."""
    rules = compile_release(1, standing(texts, "active")).rules
    assert isinstance(rules, RuleSet)
    [pattern] = [each.pattern for each in rules.rules if each.pattern.id == rule]
    lists = {"watched": tuple(sample_texts()["list:watched"].split()), "blocked_devices": entries_of("blocked_devices")}
    given = Given({}, {}, lists | {"known_billers": entries_of("known_billers")})
    place = pattern.when.place if pattern.when is not None else pattern.sequence.steps[0].when.place  # type: ignore[union-attr]
    test = InlineTest("a stretch", tuple(map(msgspec.json.decode, values)), given, count, tuple(ids), place)
    [outcome] = run_rule_tests(texts, {rule: dataclasses.replace(pattern, tests=(test,))})
    return outcome.problem


def entries_of(name: str) -> tuple[str, ...]:
    return tuple(change.value for change in case_of().entries if change.list == name)


def test_the_test_of_a_rule_with_a_learned_threshold_matches_as_replay_where_it_is_given_what_was_learned() -> None:
    texts = without(sample_texts(), *(rules_in(sample_texts()).keys() - {LEARNING}))
    for row in range(0, len(stream()), 97):
        decision = expected().decisions[row]
        [known] = [each["threshold"] for each in decision["thresholds"].values()]  # type: ignore[attr-defined]
        hit = LEARNING in [match["pattern"] for match in decision["matches"]]  # type: ignore[attr-defined]
        assert threshold_test(texts, stream()[row], known, hit) == ""
        assert threshold_test(texts, stream()[row], known, not hit) != ""


def threshold_test(texts: dict[str, str], value: bytes, threshold: float, hit: bool) -> str:
    rules = compile_release(1, standing(texts, "active")).rules
    assert isinstance(rules, RuleSet)
    [pattern] = [each.pattern for each in rules.rules]
    assert pattern.when is not None
    given = Given({"adaptive.usual": threshold}, {}, {})
    test = InlineTest("one", (msgspec.json.decode(value),), given, int(hit), None, pattern.when.place)
    return run_rule_tests(texts, {LEARNING: dataclasses.replace(pattern, tests=(test,))})[0].problem


@pytest.mark.parametrize("seed", range(3))
def test_a_difference_of_one_bit_in_one_value_of_one_match_is_found_and_named(seed: int) -> None:
    planted, said = planted_error(expected().decisions, seed)
    assert differences(expected().decisions, planted) == [said]


def test_a_rule_that_is_off_by_one_cent_is_found_and_named() -> None:
    texts = sample_texts()
    off = {**texts, "pattern:small_amounts": texts["pattern:small_amounts"].replace("< 12.0", "<= 12.0")}
    exact = next(value for value in stream() if b'"amount":' in value).replace(b'"amount":', b'"amount":12.00,"was":', 1)
    one = replayed_with_absences(case_of(standing(texts, "active"), [exact], taught=False))
    other = replayed_with_absences(case_of(standing(off, "active"), [exact], taught=False))
    assert any(said.endswith("matches.order: [] and ['small_amounts']") for said in differences(one.decisions, other.decisions))
