"""A rule compares an event with what is usual for a shop, a terminal or a pair, whoever its user is, and that entity learns it."""

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
from foundation.refusal import Refusal
from patterns.thresholds.entity_level import SEEN, THRESHOLD, WEIGHT
from pipeline.engine.decisions.decision import decisions_of
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.scorer import Scorer
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop, device]\n"
    "fields: {amount: {type: decimal, scale: 2, required: false, retain: true}, kind: {type: string, required: false}}\nlateness: 10m\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: shop_count, template: count, entity: shop, window: 1h}\n"
    "- {name: shop_amount, template: sum, value: event.amount, entity: shop, window: 1d}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}]}",
}
OF_SHOP = "{of: event.amount, key: shop, rate: 1/20, cohort: event.kind, half_life: 10d}"


def rule(adaptive: str = OF_SHOP, then: str = "{action: review}", when: str = "event.amount > adaptive.usual", more: str = "") -> str:
    steps = f"when: '{when}'\n" if when else ""
    return f"title: More than usual\nowner: tests\nstatus: active\nadaptive: {{usual: {adaptive}}}\n{steps}then: {then}\n{more}"


STEPS = rule(
    OF_SHOP,
    "{action: block}",
    "",
    "sequence: {key: shop, within: 2h, steps: [{name: one, when: event.amount > adaptive.usual}, "
    "{name: two, when: event.amount < adaptive.usual && feature.shop_count > 1.0}]}\n",
)
RULES = {
    "odd": rule(),
    "busy": rule("{of: feature.shop_amount * 0.5, rate: 1/2, half_life: 1d}", "{adjust: 0.5}"),
    "pair": rule("{of: event.amount, key: [who, shop], rate: 1/10}", "{tag: unlike_itself_here}"),
    "counted": rule("{of: feature.shop_count, rate: 1/3, cohort: event.device}", "{tag: many}", "feature.shop_count >= adaptive.usual"),
    "own": rule("{of: event.amount, rate: 1/20}", "{tag: unlike_himself}"),
    "steps": STEPS,
}


def texts_with(**rules: str) -> dict[str, str]:
    return TEXTS | {f"pattern:{id}": text for id, text in rules.items()}


def event(id: int, shop: str | None, amount: float | None, at_ms: int | None = None, **more: object) -> bytes:
    given = {"id": id, "at": START_MS + 20_000 * id if at_ms is None else at_ms, "who": f"u{id % 7}", "shop": shop, "amount": amount}
    return msgspec.json.encode(given | {"kind": "a"} | more)


def usual_events(count: int, shops: int, seed: int = 1) -> list[bytes]:
    """Amounts around a level of each shop's own."""
    draw = random.Random(seed)
    each = [(draw.randrange(shops), draw.gauss(0.0, 1.0)) for _ in range(count)]
    return [event(id, f"s{shop}", round(50.0 + 10 * shop + 5 * noise, 2), kind="ab"[shop % 2]) for id, (shop, noise) in enumerate(each)]


def batch_of(release: Release, values: list[bytes]) -> Batch:
    decoder = Decoder(release.schema)
    return Batch.of([decoder.decode(value, 1 << 50) for value in values], release.schema)


def replay_of(values: list[bytes], **rules: str) -> Replay:
    release = compile_release(1, texts_with(**rules))
    return Replay(release, History(batch_of(release, values)), None)


_learned: dict[str, Snapshot] = {}


def learned() -> dict[str, Snapshot]:
    """What cohorts have taught, after a day of 20 shops."""
    if not _learned:
        replay = replay_of(usual_events(6_000, 20), **RULES)
        replay.run(None)
        _learned.update({name: snapshot for name, snapshot in replay.published.items() if "." in name})
        assert _learned.keys() == {f"{id}.usual" for id in RULES}
    return _learned


def job_with(snapshots: bool = True, **rules: str) -> Imitation:
    job = Imitation()
    job.release(1, texts_with(**rules))
    if snapshots:
        job.control([("m", key, value) for snapshot in learned().values() for key, value in parts_of(snapshot)])
    return job


def known(decision: dict, name: str = "odd.usual") -> dict:
    return decision["thresholds"][name]


def test_the_declared_share_of_the_events_of_shops_matches_in_replay_once_cohorts_are_known() -> None:
    outcome = replay_of(usual_events(20_000, 30), odd=rule()).run(None)
    assert 0.85 * 1_000 < outcome.actions["review"] < 1.15 * 1_000


@pytest.mark.slow
def test_a_shop_learns_from_the_events_of_all_users() -> None:
    job = job_with(odd=rule())
    job.events([event(id, "s1", 60.0) for id in range(5)])
    job.events([event(5, "s2", 60.0), event(6, "s1", 60.0)])
    assert [known(each)["weight"] for each in job.decisions()] == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 5.0], rel=1e-3)
    assert all(known(each)["snapshot"] == learned()["odd.usual"].sequence for each in job.decisions())


def test_a_shop_learns_whatever_the_decision_is_but_no_more_than_its_threshold() -> None:
    job = job_with(odd=rule(then="{action: block}"))
    for id in range(4):
        job.events([event(id, "s1", 60.0)])
    job.events([event(5, "s1", 1e6)])
    job.events([event(6, "s1", 60.0)])
    *_, before, after = job.decisions()
    assert before["action"] == "block"
    assert known(after)["weight"] == pytest.approx(5.0, rel=1e-3)
    assert known(after)["usual"] < known(before)["threshold"]


def test_an_event_without_the_entity_or_the_number_says_nothing_of_it() -> None:
    job = job_with(odd=rule(), own=RULES["own"])
    job.events([event(1, None, 60.0), event(2, "s1", None), event(3, "s1", 60.0)])
    first, second, third = job.decisions()
    assert first["thresholds"].keys() == {"own.usual"}
    assert "thresholds" not in second
    assert known(third)["weight"] == 0.0


def test_repeats_corrections_and_retractions_teach_a_shop_nothing() -> None:
    job = job_with(odd=rule())
    job.events([event(1, "s1", 60.0)])
    job.events([event(1, "s1", 60.0)])
    job.events([event(1, "s1", 70.0, op="correct")])
    job.events([event(1, "s1", 70.0, op="retract")])
    job.events([event(2, "s1", 60.0)])
    decisions = [decision for decision in job.decisions() if "thresholds" in decision]
    assert [known(decision)["weight"] for decision in decisions] == pytest.approx([0.0, 1.0, 1.0], rel=1e-3)


def test_before_the_first_snapshot_shops_learn_and_have_no_threshold() -> None:
    job = job_with(snapshots=False, odd=rule())
    job.events([event(id, "s1", 60.0) for id in range(3)])
    assert [known(each)["threshold"] for each in job.decisions()] == [None] * 3
    assert known(job.decisions()[-1])["weight"] == pytest.approx(2.0, rel=1e-3)


def test_each_event_is_compared_by_the_snapshots_that_it_is_stamped_with() -> None:
    release = compile_release(1, texts_with(odd=rule()))
    scorer, batch = Scorer(), batch_of(release, [event(id, "s1", 60.0 + id) for id in range(6)])
    scorer.install(learned()["odd.usual"], release, since=5)
    fields = release.features.plans["shop"].row_values.of(batch)
    moments = np.array([1, 5, 4, 9, 9, 2])
    answers = scorer.observe(release, "shop", ["s1"] * 6, batch, fields, None, moments)
    looked = answers[:, -1 - SEEN : -1]
    assert np.isnan(looked[:, THRESHOLD]).tolist() == [True, False, True, False, False, True]
    assert looked[:, WEIGHT].tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], rel=1e-3)


def arrivals(draw: random.Random, count: int) -> list[bytes]:
    """Events of few shops: late ones, repeats, corrections and retractions among them."""
    made: list[bytes] = []
    at = START_MS
    for id in range(count):
        at += draw.choice((0, 1, 1_000, HOUR_MS))
        late = draw.randrange(900_000) if draw.random() < 0.1 else 0
        amount = None if draw.random() < 0.1 else round(draw.expovariate(1 / 60.0), 2)
        more = {"who": f"u{draw.randrange(3)}", "kind": draw.choice(("a", "b", "c", None)), "device": draw.choice(("d", None))}
        made.append(event(id, draw.choice(("s1", "s2", None)), amount, at - late, **more))
        if draw.random() < 0.15:
            again = msgspec.json.decode(draw.choice(made[-9:]))
            made.append(msgspec.json.encode(again | draw.choice(({}, {"op": "correct", "amount": 99.0}, {"op": "retract"}))))
    return made


def outcome_of(decisions: list[dict]) -> dict[tuple[str, int], dict]:
    found = {}
    for decision in decisions:
        del decision["processed_at"], decision["latency_ms"]
        found[decision["event_id"], decision["revision"]] = decision
    return found


def said(verdicts: Verdicts, batch: Batch) -> list[dict]:
    each = decisions_of(verdicts, batch, np.zeros(len(batch), np.uint8), np.zeros(len(batch), np.int64), 0.0)
    return [msgspec.json.decode(msgspec.json.encode(decision)) for decision in each]


@pytest.mark.slow
@given(st.integers(0, 1 << 32), st.lists(st.integers(1, 40), min_size=1, max_size=4))
@settings(max_examples=examples(25), deadline=None)
def test_answers_do_not_depend_on_batches_nor_on_a_restart_in_between(seed: int, sizes: list[int]) -> None:
    values = arrivals(random.Random(seed), 60)
    one_by_one, in_parts = job_with(**RULES), job_with(**RULES)
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
    assert outcome_of(in_parts.decisions()) == outcome_of(one_by_one.decisions())


class Restored(Imitation):
    """The stages as they come back from their checkpoint, with the decisions from before it."""

    def __init__(self, before: Imitation) -> None:
        super().__init__(before.entity_state, before.user_state)
        self.release(1, texts_with(**RULES))
        self.control([("m", key, value) for snapshot in learned().values() for key, value in parts_of(snapshot)])
        self.out["D"] = [*before.out["D"]]


@pytest.mark.slow
def test_the_stages_say_what_replay_says() -> None:
    values = usual_events(6_000, 20)
    replay = replay_of(values, **RULES)
    expected = outcome_of([each for verdicts, batch in replay.scored() for each in said(verdicts, batch)])
    job, at = Imitation(), 0
    job.release(1, texts_with(**RULES))
    again = replay_of(values, **RULES)
    for _, batch in again.scored():
        job.control([("m", key, value) for snapshot in again.published.values() for key, value in parts_of(snapshot)])
        job.events(values[at : at + len(batch)])
        at += len(batch)
    found = outcome_of(job.decisions())
    assert sum(known(each)["threshold"] is not None for each in found.values()) > 3_000
    assert sum(match["pattern"] == "steps" for each in found.values() for match in each["matches"]) > 20
    assert found == expected


def test_what_a_threshold_of_another_key_reads_has_to_be_known_at_its_stage() -> None:
    with pytest.raises(Refusal, match=r"feature\.count_1h"):
        compile_release(1, texts_with(odd=rule("{of: feature.count_1h, key: shop, rate: 1/20}")))
