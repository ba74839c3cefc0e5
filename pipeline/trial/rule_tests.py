"""Runs the tests that stand in the files of rules: the engine decides their events, and the matches are counted and compared."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from features.schema.batch import Batch
from features.schema.decode import Decoder
from features.schema.event import Event
from foundation.content_hash import content_hash
from foundation.place import Place
from patterns.entries import Change, Entry
from patterns.language.pattern import Given, InlineTest, Pattern
from patterns.language.rule_folder import extended_by
from patterns.language.traffic_warnings import constant_conditions
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, Standing, manifest_text
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.fact_record import FactRecord
from pipeline.engine.scorer import Scorer
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.step import Step
from pipeline.engine.steps.step_list import steps_with
from pipeline.trial.given_values import GivenStep, given_rules
from pipeline.trial.rules_read import read_rule

_ARRIVED_MS = 253_402_300_799_999
_RULES = "rules"
_END_MS = np.iinfo(np.int64).max
"""After the last event of a test time goes on for ever, so that whatever waits for an absence comes true."""


class TestOutcome(NamedTuple):
    """Says what one test of a rule gave.

    Args:
        pattern: the rule's id.
        test: the name of the test.
        place: where the test stands.
        problem: '' if it gave what it expects, else what was expected and what came.
    """

    pattern: str
    test: str
    place: Place
    problem: str


class GivenTest(NamedTuple):
    """Says what a test of a rule gave, and in which line of the rule's text its name stands; `problem` is '' if it passed."""

    name: str
    line: int
    problem: str


class TestedRule(NamedTuple):
    """Says what the tests of a rule gave, in their order, what the rule costs (see `Cost`), and sentences of warning with their places."""

    tests: tuple[GivenTest, ...]
    cost_ns: int
    state_bytes: int
    warnings: tuple[str, ...]


def run_tests_of(id: str, texts: Mapping[str, str]) -> TestedRule:
    """Reads and tests one rule of a configuration as `run_rule_tests` does; no other rule is read but the one that it extends.

    Args:
        texts: of the whole configuration, by part.

    Raises:
        Refusal: the rule does not compile; names line and column.
    """
    pattern = read_rule(texts, id)
    outcomes = run_rule_tests(texts, {id: pattern})
    tests = tuple(GivenTest(each.test, each.place.line, each.problem) for each in outcomes)
    return TestedRule(tests, pattern.cost.units, pattern.cost.state_bytes, tuple(constant_conditions(pattern)))


def run_rule_tests(texts: Mapping[str, str], patterns: Mapping[str, Pattern]) -> list[TestOutcome]:
    """Runs the tests of `patterns`, rules by id, each rule as if it were the only one and active, whatever its status.

    A test begins with nothing known of anybody. Models that learn from many events score nothing in so short a time.

    Args:
        texts: of the whole configuration, by part, which compile.
    """
    outcomes: list[TestOutcome] = []
    for pattern in patterns.values():
        if pattern.tests:
            release = compile_release(1, with_one_rule(texts, pattern.id))
            outcomes += (TestOutcome(pattern.id, test.name, test.place, _problem_of(release, test)) for test in pattern.tests)
    return outcomes


def with_one_rule(texts: Mapping[str, str], id: str) -> dict[str, str]:
    """Returns the configuration with one rule, active, and the rule that it extends, which is not evaluated.

    Raises:
        Refusal: the text of the rule is no YAML document.
    """
    rules = {id: texts[PATTERN_PREFIX + id]}
    extended = extended_by(id, rules[id])
    if PATTERN_PREFIX + extended in texts:
        rules[extended] = texts[PATTERN_PREFIX + extended]
    standings = {name: Standing(content_hash(text), "active" if name == id else "draft") for name, text in rules.items()}
    others = {part: text for part, text in texts.items() if part != MANIFEST and not part.startswith(PATTERN_PREFIX)}
    return {**others, MANIFEST: manifest_text(standings), **{PATTERN_PREFIX + name: text for name, text in rules.items()}}


def _problem_of(release: Release, test: InlineTest) -> str:
    decoder = Decoder(release.schema)
    events = [decoder.decode(msgspec.json.encode(event), _ARRIVED_MS) for event in test.events]
    count, ids = _matches_of(release, events, test.given)
    if count != test.matches:
        return f"expected {_matches(test.matches)}, got {count}{': of the events ' + ', '.join(ids) if ids else ''}"
    if test.event_ids is not None and sorted(test.event_ids) != sorted(ids):
        return f"expected matches of the events {', '.join(test.event_ids)}, got {', '.join(ids)}"
    return ""


def _matches(count: int) -> str:
    return "1 match" if count == 1 else f"{count} matches"


def _matches_of(release: Release, events: Sequence[Event], given: Given) -> tuple[int, list[str]]:
    """How many matches the events give one after the other, and the ids of all events of these, each once and in their order."""
    scorer = _scorer(release, events, given)
    ids: dict[tuple[int, int], str] = {}
    matched: dict[str, None] = {}
    count = 0
    for event in events:
        batch = Batch.of([event], release.schema)
        ids[int(batch.times_ms[0]), int(batch.id_keys[0])] = event.id
        matches = scorer.score(release, batch).matches
        count += len(matches.events)
        for at in range(len(matches.events)):
            matched |= dict.fromkeys([ids[key] for key in matches.found.events(at)] or [event.id])
        scorer.pass_time(release, event.time_ms)
    scorer.pass_time(release, _END_MS)
    for absence in scorer.take_absences():
        count += 1
        matched |= dict.fromkeys(ids[key] for key in absence.events)
    return count, list(matched)


def _scorer(release: Release, events: Sequence[Event], given: Given) -> Scorer:
    def steps(snapshots: InstalledSnapshots) -> list[Step]:
        usual = steps_with(snapshots)
        at = [step.name for step in usual].index(_RULES)
        return [*usual[:at], GivenStep(given.numbers), *usual[at:]]

    scorer = Scorer(steps=steps, rules_of=lambda release, kind: given_rules(release, kind, given.numbers))
    scorer.lists.take(Change(name, value, Entry(name, value)) for name, values in given.lists.items() for value in values)
    batch = Batch.of(events, release.schema)
    for path, value in given.facts.items():
        _, kind, name = path.split(".", 2)
        if kind in release.features.plans:
            entities = filter(None, dict.fromkeys(release.features.key(kind, batch)))
            scorer.tell(release, [FactRecord(kind=kind, entity=entity, name=name, since=0, value=value) for entity in entities])
    return scorer
