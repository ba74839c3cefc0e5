"""A rule compares an event with what is usual for its user, and learns that from what was approved."""

import functools
import random

import msgspec
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from imitation import Imitation

from detectors.snapshot import Snapshot
from detectors.snapshot_parts import parts_of
from features.schema.batch import Batch
from features.schema.decode import Decoder
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.replay.replay import Outcome, Replay
from pipeline.tables.event_files import History

START_MS = 1_700_000_000_000
DAY_MS = 86_400_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\n"
    "fields: {amount: {type: decimal, scale: 2, required: false, retain: true}, kind: {type: string, required: false}}\nlateness: 10m\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: shop_count, template: count, entity: shop, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}]}",
}
USUAL = "{of: event.amount, rate: 1/20, cohort: event.kind, half_life: 10d}"


def rule(adaptive: str = USUAL, status: str = "active", then: str = "{action: review}", when: str = "event.amount > adaptive.usual") -> str:
    return f"title: More than usual\nowner: tests\nstatus: {status}\nadaptive: {{usual: {adaptive}}}\nwhen: '{when}'\nthen: {then}\n"


def texts_with(**rules: str) -> dict[str, str]:
    return TEXTS | {f"pattern:{id}": text for id, text in rules.items()}


def event(id: int, user: int, amount: float | None, at_ms: int | None = None, kind: str | None = "a", **more: object) -> bytes:
    given = {"id": id, "at": START_MS + 20_000 * id if at_ms is None else at_ms, "who": f"u{user}", "shop": f"s{id % 3}"}
    return msgspec.json.encode(given | {"amount": amount, "kind": kind} | more)


def usual_events(count: int, users: int, seed: int = 1) -> list[bytes]:
    """Amounts around a level of each user's own."""
    draw = random.Random(seed)
    each = [(draw.randrange(users), draw.gauss(0.0, 1.0)) for _ in range(count)]
    return [event(id, user, round(50.0 + 10 * user + 5 * noise, 2), kind="ab"[user % 2]) for id, (user, noise) in enumerate(each)]


def replayed(release: Release, values: list[bytes]) -> tuple[Replay, Outcome]:
    decoder = Decoder(release.schema)
    replay = Replay(release, History(Batch.of([decoder.decode(value, 1 << 50) for value in values], release.schema)), None)
    return replay, replay.run(None)


@functools.cache
def learned() -> Snapshot:
    """What cohorts have taught, after a day of 20 users."""
    texts = texts_with(odd=rule())
    replay, _ = replayed(compile_release(1, texts), usual_events(6_000, 20))
    return replay.published["odd.usual"]


def job_with(snapshot: Snapshot | None = None, **rules: str) -> Imitation:
    job = Imitation()
    job.release(1, texts_with(**rules))
    if snapshot is not None:
        job.control([("m", key, value) for key, value in parts_of(snapshot)])
    return job


def known(decision: dict, name: str = "odd.usual") -> dict:
    return decision["thresholds"][name]


@pytest.mark.slow
def test_the_declared_share_of_events_matches_in_replay_once_cohorts_are_known() -> None:
    _, outcome = replayed(compile_release(1, texts_with(odd=rule())), usual_events(20_000, 30))
    assert 0.85 * 1_000 < outcome.actions["review"] < 1.15 * 1_000


def test_before_the_first_snapshot_a_threshold_is_missing_and_entities_learn() -> None:
    job = job_with(odd=rule("{of: event.amount, rate: 1/20, floor: 1.0}"))
    job.events([event(id, 1, 10.0) for id in range(3)])
    job.events([event(9, 1, 1e6)])
    decisions = job.decisions()
    assert [decision["action"] for decision in decisions] == ["approve"] * 4
    assert [known(decision)["weight"] for decision in decisions] == pytest.approx([0.0, 1.0, 2.0, 3.0], rel=1e-3)
    assert all(known(decision)["threshold"] is None and "snapshot" not in known(decision) for decision in decisions)


@pytest.mark.parametrize(("missing", "action"), [("true", "review"), ("false", "approve"), ("skip", "approve")])
def test_what_a_missing_threshold_means_is_for_the_rule_to_say(missing: str, action: str) -> None:
    job = job_with(odd=rule() + f"missing: {missing}\n")
    job.events([event(1, 1, 10.0)])
    assert [decision["action"] for decision in job.decisions()] == [action]


def test_a_decision_says_what_was_known_and_by_which_snapshot() -> None:
    job = job_with(learned(), odd=rule())
    job.events([event(id, 1, 60.0) for id in range(8)])
    job.events([event(9, 1, 200.0)])
    first, *_, last = job.decisions()
    assert last["action"] == "review"
    said = known(last)
    assert (said["value"], said["cohort"], said["snapshot"]) == (200.0, "a", learned().sequence)
    assert said["usual"] < said["threshold"] < 200.0
    assert known(first)["usual"] > said["usual"] > 60.0
    assert known(first)["own_spread"] is None
    assert said["own_spread"] == pytest.approx(0.0, abs=1e-3)
    [match] = last["matches"]
    assert match["values"] == {"event.amount": 200.0, "adaptive.usual": said["threshold"]}


@pytest.mark.parametrize("then", ["{action: review}", "{action: block}"])
def test_an_event_that_is_not_approved_teaches_its_user_nothing(then: str) -> None:
    job = job_with(learned(), odd=rule(then=then))
    job.events([event(1, 1, 60.0)])
    job.events([event(2, 1, 1_000.0)])
    job.events([event(3, 1, 60.0)])
    assert [known(decision)["weight"] for decision in job.decisions()] == pytest.approx([0.0, 1.0, 1.0], rel=1e-3)


def test_an_approved_event_above_the_threshold_teaches_no_more_than_the_threshold() -> None:
    job = job_with(learned(), odd=rule(status="shadow"))
    job.events([event(1, 1, 60.0)])
    job.events([event(2, 1, 1e6)])
    job.events([event(3, 1, 60.0)])
    first, second, third = map(known, job.decisions())
    assert third["weight"] == pytest.approx(2.0, rel=1e-3)
    assert third["usual"] < second["threshold"]
    assert first["snapshot"] == third["snapshot"]


def test_events_that_are_decided_while_the_score_is_bypassed_teach_nothing() -> None:
    job = Imitation()
    job.release(1, texts_with(odd=rule()) | {"bypass": "{mode: approve_all, reason: a test}"})
    job.events([event(1, 1, 60.0)])
    job.events([event(2, 1, 60.0)])
    assert [known(decision)["weight"] for decision in job.decisions()] == [0.0, 0.0]


def test_repeats_and_corrections_teach_nothing_and_a_retraction_says_nothing() -> None:
    job = job_with(learned(), odd=rule())
    job.events([event(1, 1, 60.0)])
    job.events([event(1, 1, 60.0)])
    job.events([event(1, 1, 70.0, op="correct")])
    job.events([event(2, 1, 60.0)])
    job.events([event(2, 1, 60.0, op="retract")])
    decisions = job.decisions()
    assert [known(decision)["weight"] for decision in decisions[:-1]] == pytest.approx([0.0, 1.0, 1.0], rel=1e-3)
    assert "thresholds" not in decisions[-1]


def test_an_event_without_the_number_says_and_teaches_nothing() -> None:
    job = job_with(learned(), odd=rule())
    job.events([event(1, 1, None), event(2, 1, 60.0, kind=None)])
    first, second = job.decisions()
    assert "thresholds" not in first
    assert "cohort" not in known(second)
    assert known(second)["weight"] == 0.0
    assert known(second)["threshold"] is not None


def test_two_rules_may_name_their_thresholds_alike() -> None:
    job = job_with(learned(), odd=rule(), even=rule("{of: feature.count_1h, rate: 1/2}"))
    job.events([event(1, 1, 200.0)])
    [decision] = job.decisions()
    assert (known(decision)["value"], known(decision, "even.usual")["value"]) == (200.0, 1.0)
    assert [match["pattern"] for match in decision["matches"]] == ["odd"]


def test_what_was_learned_stays_when_text_status_action_rate_or_bounds_change() -> None:
    job = job_with(learned(), odd=rule())
    job.events([event(id, 1, 60.0) for id in range(5)])
    changed = rule("{of: event.amount, rate: 1/50, cohort: event.kind, half_life: 10d, floor: 3.0}", "shadow", "{action: block}")
    job.release(2, texts_with(odd=changed.replace("More than usual", "Another title")))
    job.events([event(9, 1, 60.0)])
    last = known(job.decisions()[-1])
    assert last["weight"] == pytest.approx(5.0, rel=1e-3)
    assert last["snapshot"] == learned().sequence


def test_another_number_is_learned_anew() -> None:
    job = job_with(learned(), odd=rule())
    job.events([event(id, 1, 60.0) for id in range(5)])
    job.release(2, texts_with(odd=rule("{of: event.amount * 2.0, rate: 1/20}")))
    job.events([event(9, 1, 60.0)])
    assert known(job.decisions()[-1])["weight"] == 0.0


def test_a_rule_in_shadow_moves_no_threshold_of_a_rule_that_acts() -> None:
    values = usual_events(300, 3)
    alone, beside = job_with(learned(), odd=rule()), job_with(learned(), odd=rule(), watched=rule(status="shadow"))
    for job in (alone, beside):
        for first in range(0, 300, 7):
            job.events(values[first : first + 7])
    assert [known(one) for one in alone.decisions()] == [known(one) for one in beside.decisions()]


def outcome_of(job: Imitation) -> dict[int, dict]:
    found = {}
    for decision in job.decisions():
        del decision["processed_at"], decision["latency_ms"]
        found[decision["event_id"], decision["revision"]] = decision
    return found


def arrivals(draw: random.Random, count: int) -> list[bytes]:
    """Events of few users: late ones, repeats, corrections and retractions among them."""
    made: list[bytes] = []
    at = START_MS
    for id in range(count):
        at += draw.choice((0, 1, 1_000, 3_600_000))
        late = draw.randrange(900_000) if draw.random() < 0.1 else 0
        amount = None if draw.random() < 0.1 else round(draw.expovariate(1 / 60.0), 2)
        made.append(event(id, draw.randrange(3), amount, at - late, draw.choice(("a", "b", "c", None))))
        if draw.random() < 0.15:
            again = msgspec.json.decode(draw.choice(made[-9:]))
            made.append(msgspec.json.encode(again | draw.choice(({}, {"op": "correct", "amount": 99.0}, {"op": "retract"}))))
    return made


SECOND = rule("{of: feature.count_1h * event.amount, rate: 1/2, half_life: 1d}", "active", "{adjust: 0.5}")
STEPS = (
    "title: Two that are odd\nowner: tests\nstatus: active\nadaptive: {usual: {of: event.amount, rate: 1/20, cohort: event.kind}}\n"
    "sequence: {within: 2h, steps: [{name: one, when: event.amount > adaptive.usual}, {name: two, when: event.amount < adaptive.usual}]}\n"
    "then: {action: block}\n"
)


@pytest.mark.slow
@given(st.integers(0, 1 << 32), st.lists(st.integers(1, 40), min_size=1, max_size=4))
@settings(max_examples=examples(25), deadline=None)
def test_answers_do_not_depend_on_batches_nor_on_a_restart_in_between(seed: int, sizes: list[int]) -> None:
    values = arrivals(random.Random(seed), 60)
    rules = {"odd": rule(then="{action: review}"), "second": SECOND, "steps": STEPS}
    one_by_one, in_parts = job_with(learned(), **rules), job_with(learned(), **rules)
    for value in values:
        one_by_one.events([value])
    at = 0
    while at < len(values):
        size = sizes[at % len(sizes)]
        in_parts.events(values[at : at + size])
        at += size
        if at > 30 and in_parts.decisions() and not isinstance(in_parts, Restored):
            in_parts.checkpoint()
            in_parts = Restored(in_parts)
    assert outcome_of(in_parts) == outcome_of(one_by_one)


class Restored(Imitation):
    """The stages as they come back from their checkpoint, with the decisions from before it."""

    def __init__(self, before: Imitation) -> None:
        super().__init__(before.entity_state, before.user_state)
        self.release(1, texts_with(odd=rule(then="{action: review}"), second=SECOND, steps=STEPS))
        self.control([("m", key, value) for key, value in parts_of(learned())])
        self.out["D"] = [*before.out["D"]]


def test_a_snapshot_with_arrays_of_something_else_is_refused_and_the_one_before_stays() -> None:
    wrong = Snapshot("odd.usual", learned().definition, learned().sequence + 1, START_MS, {"quantiles": np.zeros(3)}, learned().kind)
    job = job_with(learned(), odd=rule())
    job.control([("m", key, value) for key, value in parts_of(wrong)])
    job.events([event(1, 1, 60.0)])
    assert known(job.decisions()[0])["snapshot"] == learned().sequence
