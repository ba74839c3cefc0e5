"""Each step of the engine alone, and the list of them."""

import copy
import dataclasses

import msgspec
import numpy as np
import pytest
from planted_rules import PlantedRules

from detectors.snapshot import Snapshot
from features.layout.layout import CORRECTED, DUPLICATE, RETRACTED, TOO_LATE
from features.schema.batch import Batch
from features.schema.decode import Decoder
from patterns.bypass import Bypass, bypassed
from patterns.policy import ACTIONS, DECIDERS
from pipeline.engine.decisions.answers import Answers
from pipeline.engine.decisions.explanation import reasons_again
from pipeline.engine.decisions.verdicts import Verdicts, nothing_said
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.learners.learner import Learners
from pipeline.engine.scorer import Scorer
from pipeline.engine.steps.feature_step import FeatureStep
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.model_step import ModelStep
from pipeline.engine.steps.policy_step import PolicyStep
from pipeline.engine.steps.record_step import RecordStep
from pipeline.engine.steps.rule_step import RuleStep
from pipeline.engine.steps.step import Step, Turn
from pipeline.engine.steps.step_list import costs_ns, steps_with

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
lateness: 10m
""",
    "features": """
- {name: count_1h, template: count, window: 1h}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
- {name: twice, expression: "2.0 * feature.count_1h"}
""",
    "models": """
- {name: odd, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount, feature.count_1h], parameters: {window_size: 20}}
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
""",
    "policy": "{score: 'first_ready(odd, own)', bands: [{below: 0.6, action: approve}, {action: block}], fallback: {action: review}}",
}
START_MS = 1_700_000_000_000
RELEASE = compile_release(1, TEXTS)
NAMES = [field.name for field in dataclasses.fields(Verdicts) if field.name not in ("release", "others")]
"""Without `others`, which no step of a decision fills, but only one that tries other rules beside."""


def event(id: int, **more: object) -> bytes:
    given = {"id": id, "at": START_MS + 1_000 * id, "who": f"u{id % 3}", "shop": "s", "amount": 10 + id % 4}
    return msgspec.json.encode(given | more)


def batch_of(*values: bytes) -> Batch:
    decoder = Decoder(RELEASE.schema)
    return Batch.of([decoder.decode(value, 1 << 50) for value in values], RELEASE.schema)


def history() -> Batch:
    return batch_of(*(event(id) for id in range(60)))


def mixed() -> Batch:
    """New events, a repeat, one that comes too late, a correction and a retraction."""
    late = event(90, at=START_MS - 3_600_000 * 5)
    return batch_of(event(61), event(62, amount=900), event(7), late, event(8, op="correct", amount=55), event(9, op="retract"))


def trained() -> InstalledSnapshots:
    """A snapshot of each global model that has learned from the history."""
    learners = Learners(RELEASE)
    verdicts = Scorer().score(RELEASE, history())
    for each in learners.each:
        keys = np.arange(60)
        each.see(keys, keys, history().times_ms, verdicts.inputs[each.model.name])
    snapshots = InstalledSnapshots()
    assert all(snapshots.install(snapshot, RELEASE) for snapshot in made(learners))
    return snapshots


def made(learners: Learners) -> list[Snapshot]:
    return list(learners.snapshots(1, START_MS))


class Run:
    """A scorer that has seen the history, before it decides on `batch`."""

    def __init__(self, batch: Batch, release: Release = RELEASE) -> None:
        self.scorer = Scorer()
        self.scorer.score(release, history())
        profiles, slots = self.scorer._open(release, "who", batch.users)
        answers = Answers.none(release, len(batch))
        self.turn = Turn(batch, profiles, slots, answers)
        self.verdicts = nothing_said(release, answers.features)

    def until(self, last: str, steps: tuple[Step, ...]) -> "Run":
        """All steps before the one named `last`."""
        for step in steps:
            if step.name == last:
                return self
            step.run(self.turn, self.verdicts)
        raise AssertionError(last)


def state_of(value: object) -> object:
    """A column as something that compares by its bits."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: state_of(each) for key, each in value.items()}
    return tuple(map(state_of, value)) if isinstance(value, tuple) else repr(value)


def again_of(release: Release, verdicts: Verdicts, row: int) -> list[str]:
    rows = verdicts.reasons[row], verdicts.rules[row]
    return reasons_again(release, int(verdicts.chosen[row]), *rows, int(verdicts.deciders[row]))


def columns_of(verdicts: Verdicts) -> dict[str, object]:
    return {name: copy.deepcopy(state_of(getattr(verdicts, name))) for name in NAMES}


def test_the_steps_stand_in_the_order_of_the_design() -> None:
    assert [step.name for step in steps_with(InstalledSnapshots())] == [
        "features",
        "models",
        "thresholds",
        "rules",
        "policy",
        "lessons",
        "record",
    ]


@pytest.mark.parametrize("name", ["features", "models", "thresholds", "rules", "policy", "lessons", "record"])
@pytest.mark.parametrize("rules", [False, True])
def test_a_step_changes_no_column_but_those_that_it_fills(name: str, rules: bool) -> None:
    release = dataclasses.replace(RELEASE, rules=PlantedRules()) if rules else RELEASE
    steps = steps_with(trained())
    run = Run(mixed(), release).until(name, steps)
    before = columns_of(run.verdicts)
    [step] = [step for step in steps if step.name == name]
    step.run(run.turn, run.verdicts)
    after = columns_of(run.verdicts)
    assert {column for column in NAMES if before[column] != after[column]} <= set(step.fills)


def test_every_column_that_a_step_reads_was_filled_before_it() -> None:
    filled: set[str] = {"releases"}  # the stamp of the batch, which is there before all steps
    for step in steps_with(InstalledSnapshots()):
        assert set(step.reads) | set(step.fills) <= set(NAMES)
        assert set(step.reads) <= filled | set(step.fills), step.name
        filled |= set(step.fills)
    assert filled == set(NAMES)


def test_the_steps_one_after_the_other_are_what_the_scorer_says() -> None:
    scorer, whole = Run(mixed()).scorer, mixed()
    said = scorer.decide(RELEASE, whole, Answers.none(RELEASE, len(whole)))
    run = Run(mixed())
    for step in steps_with(InstalledSnapshots()):
        step.run(run.turn, run.verdicts)
    assert columns_of(said) == columns_of(run.verdicts)


def test_the_feature_step_says_what_became_of_each_event() -> None:
    run = Run(mixed())
    FeatureStep().run(run.turn, run.verdicts)
    flags = run.verdicts.flags.tolist()
    assert [bool(flags[at] & flag) for at, flag in ((2, DUPLICATE), (3, TOO_LATE), (4, CORRECTED), (5, RETRACTED))] == [True] * 4
    assert run.verdicts.revisions.tolist() == [0, 0, 0, 0, 1, 1]
    counts = run.verdicts.features[:2, [RELEASE.features.names.index(name) for name in ("count_1h", "twice")]]
    assert counts.tolist() == [[21.0, 42.0], [21.0, 42.0]]


def test_the_model_step_scores_new_events_alone_by_detectors_of_the_user() -> None:
    run = Run(mixed()).until("models", steps_with(InstalledSnapshots()))
    ModelStep(InstalledSnapshots()).run(run.turn, run.verdicts)
    assert np.isnan(run.verdicts.models["odd"]).all()
    assert np.isnan(run.verdicts.models["own"]).tolist() == [False, False, True, True, True, True]
    assert run.verdicts.snapshots == {}


def test_the_model_step_names_the_snapshots_that_it_scores_with() -> None:
    run = Run(mixed()).until("models", steps_with(InstalledSnapshots()))
    ModelStep(trained()).run(run.turn, run.verdicts)
    assert {name: next(iter(each.numbers())) for name, each in run.verdicts.snapshots.items()} == {"odd": 1}
    assert np.isfinite(run.verdicts.models["odd"][:2]).all()


def test_the_rule_step_does_nothing_while_a_release_has_no_rules() -> None:
    run = Run(mixed()).until("rules", steps_with(InstalledSnapshots()))
    before = run.verdicts.matches
    RuleStep().run(run.turn, run.verdicts)
    assert run.verdicts.matches is before
    assert (run.verdicts.rules == -1).all()


def test_the_rule_step_names_the_first_rules_that_act_of_events_that_are_decided() -> None:
    release = dataclasses.replace(RELEASE, rules=PlantedRules(matching=5))
    run = Run(mixed(), release).until("rules", steps_with(InstalledSnapshots()))
    RuleStep().run(run.turn, run.verdicts)
    assert run.verdicts.matches.counts.tolist() == [5, 5, 0, 0, 5, 0]
    assert run.verdicts.rules.tolist() == [[0, 2], [0, 2], [-1] * 2, [-1] * 2, [0, 2], [-1] * 2]


def test_the_policy_step_takes_the_first_score_that_is_there_and_says_what_decided() -> None:
    run = Run(mixed()).until("policy", steps_with(InstalledSnapshots()))
    run.verdicts.probabilities = {"odd": np.array([0.5, np.nan, np.nan, 0.1, np.nan, 0.9])}
    run.verdicts.probabilities["own"] = np.array([0.9, 0.7, np.nan, 0.1, np.nan, 0.9])
    PolicyStep().run(run.turn, run.verdicts)
    assert run.verdicts.scores[:2].tolist() == [0.5, 0.7]
    assert run.verdicts.chosen[[0, 1, 4, 5]].tolist() == [0, 1, -1, -1]
    assert [ACTIONS[run.verdicts.actions[row]] for row in (0, 1, 4, 5)] == ["approve", "block", "review", "approve"]
    assert [DECIDERS[run.verdicts.deciders[row]] for row in (0, 1, 4, 5)] == ["score", "score", "fallback", "retraction"]


def test_the_policy_step_says_that_the_bypass_decided_while_it_is_on() -> None:
    bypass = Bypass("approve_all", "a test")
    release = dataclasses.replace(RELEASE, bypass=bypass, policy=bypassed(RELEASE.policy, bypass))
    run = Run(mixed(), release).until("policy", steps_with(InstalledSnapshots()))
    PolicyStep().run(run.turn, run.verdicts)
    assert {DECIDERS[run.verdicts.deciders[row]] for row in (0, 1, 4)} == {"bypass"}


def test_the_record_step_gives_a_repeated_event_the_newest_decision() -> None:
    run = Run(mixed()).until("record", steps_with(InstalledSnapshots()))
    run.verdicts.scores[0], run.verdicts.actions[0] = 0.75, 2
    RecordStep().run(run.turn, run.verdicts)
    again = batch_of(event(61))
    turn = Turn(again, run.turn.profiles, run.turn.slots[:1], Answers.none(RELEASE, 1))
    verdicts = nothing_said(RELEASE, turn.answers.features)
    FeatureStep().run(turn, verdicts)
    RecordStep().run(turn, verdicts)
    assert verdicts.flags.tolist() == [DUPLICATE]
    assert (verdicts.scores.tolist(), verdicts.actions.tolist()) == ([0.75], [2])


def test_the_record_step_remembers_the_rules_of_a_decision_that_rules_made() -> None:
    release = dataclasses.replace(RELEASE, rules=PlantedRules(matching=5))
    run = Run(mixed(), release).until("record", steps_with(InstalledSnapshots()))
    run.verdicts.deciders[0] = DECIDERS.index("block")
    RecordStep().run(run.turn, run.verdicts)
    repeats = batch_of(event(61), event(62, amount=900))
    turn = Turn(repeats, run.turn.profiles, run.turn.slots[:2], Answers.none(RELEASE, 2))
    verdicts = nothing_said(RELEASE, turn.answers.features)
    FeatureStep().run(turn, verdicts)
    RecordStep().run(turn, verdicts)
    assert [DECIDERS[decider] for decider in verdicts.deciders] == ["block", "score"]
    assert verdicts.rules.tolist() == [[0, 2], [-1, -1]]
    again = [again_of(release, verdicts, row) for row in (0, 1)]
    assert again[0] == ["rule rule_0 matched", "rule rule_2 matched"]
    assert not any("rule" in reason for reason in again[1])


def test_every_step_says_what_it_costs_and_rules_cost_nothing_where_there_are_none() -> None:
    costs = costs_ns(RELEASE)
    assert [costs.pop(name) for name in ("thresholds", "rules", "lessons")] == [0.0, 0.0, 0.0]
    assert min(costs.values()) > 0.0
