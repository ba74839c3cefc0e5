"""A score on the stable scale and a probability, from what is learned to what is decided."""

import io
import math
import pathlib
import random
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
from imitation import Imitation

from detectors.scores.score_map import COUNT_MIN, ScoreMap
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.event_keys import Labels
from pipeline.engine.learners import stable_scale
from pipeline.learning.trainer import ServedDecision, Trainer
from pipeline.replay.decisions_file import PROBABILITY_COLUMNS
from pipeline.replay.replay import Replay
from pipeline.score_job.labels import ResolvedLabel
from pipeline.tables.event_files import History, read_history
from pipeline.training import served_source
from pipeline.training.replayed_source import ReplayedSource
from stores.archive.archive_encoding import decode_decision, encode_decisions
from stores.archive.archive_rows import ArchivedRecord

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: []
fields: {amount: {type: decimal, scale: 2, retain: true}}
labels: {negative_after: 1d}
""",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": """
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount, feature.count_1h], publish_every: 1h,
   parameters: {window_size: 50, scaling: standard, seed: 7}}
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
""",
    "policy": """
score: first_ready(shape, own)
scale: stable
bands: [{below: 0.9, action: approve}, {action: review}]
fallback: {action: approve}
""",
}
RAW = TEXTS | {"policy": TEXTS["policy"].replace("scale: stable", "scale: raw")}


def payments(count: int, seed: int = 1) -> list[dict[str, Any]]:
    draw, at = random.Random(seed), START_MS
    events = []
    for id in range(count):
        at += draw.randrange(0, 60_000)
        events.append({"id": id, "at": at, "who": f"u{draw.randrange(12)}", "amount": draw.randrange(1, 9_999) / 100})
    return events


def history_of(events: list[dict[str, Any]], folder: pathlib.Path, release: Release) -> History:
    path = folder / "events.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, events)))
    return read_history([path], release.schema)


def labels_of(events: list[dict[str, Any]], release: Release) -> Labels:
    """What is dear is fraud; it is known two hours later, and what is cheap is never labelled."""
    dear = [event for event in events if event["amount"] > 90.0]
    times_ms = np.array([event["at"] + 2 * HOUR_MS for event in dear])
    return Labels(np.array([event["id"] for event in dear]), np.ones(len(dear), np.int8), times_ms, [event["who"] for event in dear])


def rows_of(folder: pathlib.Path) -> list[dict[str, Any]]:
    return pyarrow.parquet.read_table(folder / "decisions.parquet").to_pylist()


def served(decision: dict[str, Any]) -> ServedDecision:
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(decision)), ServedDecision)


def same(one: float | None, other: float | None) -> bool:
    return one == other or (one is None and other is not None and math.isnan(other))


@pytest.mark.slow
def test_the_stages_score_by_map_and_probability_as_replay_does(tmp_path: pathlib.Path) -> None:
    events, release = payments(6_000), compile_release(1, TEXTS)
    history = history_of(events, tmp_path, release)
    learned = Replay(release, history, labels_of(events, release))
    learned.run(None)
    snapshots = tuple(learned.published.values())
    Replay(release, history, None, frozen=snapshots).run(tmp_path)
    replayed = rows_of(tmp_path)
    job = Imitation()
    job.release(1, TEXTS)
    job.control([("m", snapshot.model, snapshot.encode()) for snapshot in snapshots])
    values = list(map(msgspec.json.encode, events))
    for first in range(0, len(values), 37):
        job.events(values[first : first + 37])
    for one, other in zip(job.decisions(), replayed, strict=True):
        assert same(one["score"], other["score"])
        assert one["action"] == other["action"]
        assert one["models"]["shape"]["score"] == other["model.shape"]
        assert one["probability"] == other["probability"]
        assert one["probability_interval"] == [other["probability_low"], other["probability_high"]]
        assert other["probability_low"] <= other["probability"] <= other["probability_high"]
        assert one["models"]["own"]["snapshot"] is not None


@pytest.mark.slow
def test_a_probability_reaches_the_archive_and_both_exports_as_it_was_served(tmp_path: pathlib.Path) -> None:
    events, release = payments(6_000), compile_release(1, TEXTS)
    history, job = history_of(events, tmp_path, release), Imitation()
    learned = Replay(release, history, labels_of(events, release))
    learned.run(tmp_path)
    replayed = {row["event_id"]: tuple(row[name] for name in PROBABILITY_COLUMNS) for row in rows_of(tmp_path)}
    for batch in ReplayedSource(release, history, labels_of(events, release)).decisions():
        for row in batch.to_pylist():
            assert tuple(row[name] for name in PROBABILITY_COLUMNS) == replayed[row["event_id"]]
    job.release(1, TEXTS)
    job.events(list(map(msgspec.json.encode, events[:10])))
    job.control([("m", snapshot.model, snapshot.encode()) for snapshot in learned.published.values()])
    job.events(list(map(msgspec.json.encode, events[10:20])))
    values = [value for _, value in job.out["D"]]
    wanted = [(None, None, None)] * 10 + [(one["probability"], *one["probability_interval"]) for one in job.decisions()[10:]]
    exported = served_source._columns([served_source._decode(value) for value in values], True)
    assert exported is not None
    records = [ArchivedRecord(0, offset, START_MS, b"", value) for offset, value in enumerate(values)]
    archived = pyarrow.parquet.read_table(io.BytesIO(encode_decisions(records, [decode_decision(value) for value in values])))
    for rows in (exported.to_pylist(), archived.to_pylist()):
        assert [tuple(row[name] for name in PROBABILITY_COLUMNS) for row in rows] == wanted


def test_a_caller_that_waits_is_told_the_probability_and_one_that_repeats_an_event_is_not(tmp_path: pathlib.Path) -> None:
    events, release, job = payments(6_000), compile_release(1, TEXTS), Imitation()
    learned = Replay(release, history_of(events, tmp_path, release), labels_of(events, release))
    learned.run(None)
    job.release(1, TEXTS)
    job.control([("m", snapshot.model, snapshot.encode()) for snapshot in learned.published.values()])
    for _ in range(2):
        job.events([msgspec.json.encode(events[0])], reply="api")
    first, second = (msgspec.json.decode(value) for _, value in job.out["R"])
    [decision] = job.decisions()
    said = ("probability", "probability_interval")
    assert [first[name] for name in said] == [decision[name] for name in said]
    assert second["score"] == first["score"]
    assert not set(said) & set(second)


@pytest.mark.slow
def test_maps_that_live_and_replay_learn_are_equal_to_the_bit(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stable_scale, "REFERENCE_EVENTS", 1_000)  # so that the reference is complete, and maps are replaced
    events, release = payments(4_000), compile_release(1, TEXTS)
    Replay(release, history_of(events, tmp_path, release), None).run(tmp_path)
    job, trainer = Imitation(), Trainer()
    job.release(1, TEXTS)
    trainer.change(release)
    taken = 0
    for period in sorted({event["at"] // HOUR_MS for event in events}):
        job.control([("m", snapshot.model, snapshot.encode()) for snapshot in published(trainer, period)])
        job.events([msgspec.json.encode(event) for event in events if event["at"] // HOUR_MS == period])
        decisions = [served(decision) for decision in job.decisions()[taken:]]
        taken += len(decisions)
        random.Random(period).shuffle(decisions)  # partitions come in any order; only the forest learns in theirs
        decisions.sort(key=lambda decision: decision.event_time)
        trainer.decide(decisions, np.array([int(decision.event_id) for decision in decisions]))
    replayed = rows_of(tmp_path)
    assert sum(row["score"] is not None for row in replayed) > 3_000
    for one, other in zip(job.decisions(), replayed, strict=True):
        assert same(one["score"], other["score"])
        assert one["action"] == other["action"]


def published(trainer: Trainer, period: int) -> list[Any]:
    trainer.advance()
    return trainer.snapshots(period)


def test_a_detector_of_another_entity_has_a_map_of_its_own_scores(tmp_path: pathlib.Path) -> None:
    texts = TEXTS | {
        "schema": TEXTS["schema"].replace("entities: []", "entities: [shop]"),
        "features": TEXTS["features"] + "- {name: shop_count_1h, template: count, entity: shop, window: 1h}\n",
        "models": TEXTS["models"].replace("scope: user", "scope: shop"),
        "policy": TEXTS["policy"].replace("first_ready(shape, own)", "first_ready(own)"),
    }
    events = [event | {"shop": f"s{event['id'] % 5}"} for event in payments(3_000)]
    release, job = compile_release(1, texts), Imitation()
    learned = Replay(release, history_of(events, tmp_path, release), None)
    learned.run(tmp_path)
    scores = [row["score"] for row in rows_of(tmp_path)[1_000:]]
    assert np.mean(np.array(scores) > 0.9) == pytest.approx(0.1, rel=0.25)
    job.release(1, texts)
    job.control([("m", snapshot.model, snapshot.encode()) for snapshot in learned.published.values()])
    job.events(list(map(msgspec.json.encode, events)))
    scale = ScoreMap.from_arrays(learned.published["own"].arrays_of("scale"))
    assert scale is not None
    raw = np.array([decision["models"]["own"]["score"] for decision in job.decisions()], np.float64)
    assert [decision["score"] for decision in job.decisions()][1_000:] == scale.apply(raw).tolist()[1_000:]


def test_a_policy_on_the_raw_scale_decides_and_learns_as_one_that_says_nothing_of_it(tmp_path: pathlib.Path) -> None:
    events = payments(1_000)
    found = []
    for policy in (RAW["policy"], RAW["policy"].replace("scale: raw\n", "")):
        release = compile_release(1, RAW | {"policy": policy})
        learned = Replay(release, history_of(events, tmp_path, release), None)
        learned.run(tmp_path)
        found.append(((tmp_path / "decisions.parquet").read_bytes(), [each.encode() for each in learned.published.values()]))
        assert list(learned.published) == ["shape"]
        assert not any(name.startswith(("scale.", "calibration.")) for name in learned.published["shape"].arrays)
    assert found[0] == found[1]
    assert "probability" not in rows_of(tmp_path)[0]


@pytest.mark.slow
def test_the_share_of_events_above_a_score_is_what_the_score_says_while_the_model_learns(tmp_path: pathlib.Path) -> None:
    coarse = TEXTS["models"]  # a window of 50 gives many events the same score
    events, release = payments(30_000), compile_release(1, TEXTS | {"models": coarse.replace("window_size: 50", "window_size: 1000")})
    Replay(release, history_of(events, tmp_path, release), None).run(tmp_path)
    scores = np.array([row["score"] for row in rows_of(tmp_path)[10_000:]])
    for share in (0.5, 0.1, 0.02):
        assert (scores > 1.0 - share).mean() == pytest.approx(share, rel=0.15)


@pytest.mark.slow
def test_scores_of_a_map_of_few_events_are_flagged_as_warming(tmp_path: pathlib.Path) -> None:
    events, release = payments(COUNT_MIN + 2_000), compile_release(1, TEXTS)
    job = Imitation()
    job.release(1, TEXTS)
    flags = []
    for count in (2_000, COUNT_MIN + 1_000):
        learned = Replay(release, history_of(events[:count], tmp_path, release), None)
        learned.run(None)
        job.control([("m", snapshot.model, snapshot.encode()) for snapshot in learned.published.values()])
        job.events([msgspec.json.encode(events[-count])])
        flags.append(job.decisions()[-1]["flags"])
    assert flags == [["warming"], []]


def test_a_model_without_a_map_gives_no_score_on_the_stable_scale() -> None:
    job = Imitation()
    job.release(1, TEXTS)
    job.events(list(map(msgspec.json.encode, payments(200))))
    last = job.decisions()[-1]
    assert last["models"]["own"]["score"] is not None
    assert last["score"] is None
    assert last["flags"] == ["warming"]
    assert last["scale"] == "stable"
    assert "probability" not in last


def test_a_duplicate_is_answered_with_the_score_that_was_served_though_the_map_has_changed(tmp_path: pathlib.Path) -> None:
    events, release = payments(3_000), compile_release(1, TEXTS)
    job = Imitation()
    job.release(1, TEXTS)
    answers = []
    for count in (1_000, 3_000):
        learned = Replay(release, history_of(events[:count], tmp_path, release), None)
        learned.run(None)
        job.control([("m", snapshot.model, snapshot.encode()) for snapshot in learned.published.values()])
        job.events([msgspec.json.encode(events[500])], reply="api")
        answers.append(msgspec.json.decode(job.out["R"][-1][1]))
    assert answers[0]["score"] is not None
    assert answers[0]["score"] == answers[1]["score"]
    assert answers[1]["flags"] == ["duplicate"]


def decide(trainer: Trainer, numbers: range, action: str = "approve", refill: bool = False, scale: str = "stable") -> None:
    """Decisions with scores that spread over the scale, an event a second."""
    made = [
        msgspec.convert(
            {
                "event_id": str(n),
                "event_time": START_MS + n * 1_000,
                "user": "u",
                "event": {"amount": float(n % 97)},
                "features": {"count_1h": 1.0},
                "release": 1,
                "score": n % 100 / 100.0,
                "action": action,
                "scale": scale,
                "models": {"shape": {"score": n % 100 / 100.0, "snapshot": 1}, "own": {"score": 0.5, "snapshot": None}},
                "contributions": {"model": "shape"},
            },
            ServedDecision,
        )
        for n in numbers
    ]
    trainer.decide(made, np.array(numbers), refill)


def label(trainer: Trainer, number: int, value: int = 1, after_ms: int = 1) -> None:
    at_ms = START_MS + number * 1_000
    amount = {"amount": float(number % 97)}
    trainer.label(ResolvedLabel(str(number), number, at_ms, value, at_ms + after_ms, "u", {"count_1h": 1.0}, amount))


def counts(trainer: Trainer) -> tuple[float, float]:
    """Negatives and positives that the calibration of `shape` counts."""
    trainer.advance()
    [found] = [each.numbers.state()["numbers.counts"] for each in trainer.learners if each.model.name == "shape" and each.numbers]
    return float(found[0].sum()), float(found[1].sum())


def trainer_of(texts: dict[str, str] = TEXTS, id: int = 1) -> Trainer:
    trainer = Trainer()
    trainer.change(compile_release(id, texts))
    return trainer


DAY = 86_400


def test_an_event_is_counted_once_by_its_newest_label() -> None:
    trainer = trainer_of()
    decide(trainer, range(4))
    label(trainer, 1, 1)
    label(trainer, 2, 0)
    decide(trainer, range(10, 11))
    assert counts(trainer) == (1.0, 1.0)
    label(trainer, 2, 1, after_ms=2)
    assert counts(trainer) == (0.0, 2.0)
    decide(trainer, range(DAY + 5, DAY + 6))  # without a label, 0 and 3 count as negative after a day
    assert counts(trainer) == (2.0, 2.0)
    label(trainer, 3, 1, after_ms=2)
    assert counts(trainer) == (1.0, 3.0)


def test_a_score_that_was_served_on_the_raw_scale_is_not_counted() -> None:
    trainer = trainer_of()
    decide(trainer, range(4), scale="raw")
    label(trainer, 1, 1)
    decide(trainer, range(10, 11))
    assert counts(trainer) == (0.0, 0.0)


def test_the_silence_after_a_blocked_event_says_nothing() -> None:
    trainer = trainer_of()
    decide(trainer, range(4), action="block")
    label(trainer, 1, 1)
    label(trainer, 2, 0)
    decide(trainer, range(DAY + 5, DAY + 6))
    assert counts(trainer) == (1.0, 1.0)


def test_a_label_that_overtakes_its_decision_is_counted_and_its_event_never_as_negative() -> None:
    trainer = trainer_of()
    label(trainer, 1)
    decide(trainer, range(10, 11))
    assert counts(trainer) == (0.0, 0.0)
    decide(trainer, range(1, 2))
    assert counts(trainer) == (0.0, 1.0)


def test_what_is_read_again_after_a_restart_is_not_counted_again_and_can_be_corrected() -> None:
    before, after = trainer_of(), trainer_of()
    decide(before, range(4))
    label(before, 1)
    decide(before, range(DAY + 5, DAY + 6))
    counted = counts(before)
    after.resume(before.states(1), before.clock_ms)
    decide(after, range(4), refill=True)
    decide(after, range(DAY + 5, DAY + 6), refill=True)
    label(after, 1)
    after.refilled()
    assert counts(after) == counted == (3.0, 1.0)
    label(after, 1, 0, after_ms=2)
    assert counts(after) == (4.0, 0.0)


def test_a_restarted_learn_job_publishes_the_snapshots_that_it_would_have_published() -> None:
    before, after = trainer_of(), trainer_of()
    decide(before, range(3_000))
    before.advance()
    states = before.states(4)
    first = [each.encode() for each in before.snapshots(4)]
    after.resume(states, before.clock_ms)
    assert [each.encode() for each in after.snapshots(4)] == first
    for each in (before, after):
        decide(each, range(3_000, 5_000))
        each.advance()
    assert [each.encode() for each in after.snapshots(5)] == [each.encode() for each in before.snapshots(5)]


def test_a_release_that_changes_the_scale_keeps_what_the_model_has_learned() -> None:
    trainer = trainer_of(RAW)
    decide(trainer, range(1_000))
    assert [sorted(each.arrays_of("scale")) for each in trainer.snapshots(1)] == [[]]
    trainer.change(compile_release(2, TEXTS))
    decide(trainer, range(1_000, 2_000))
    shape, own = trainer.snapshots(2)
    assert shape.arrays_of("scale")["count"].tolist() == own.arrays_of("scale")["count"].tolist() == [1_000]
    assert trainer.learners[0].state()["lessons"].tolist() == [2_000]


def test_states_that_do_not_fit_into_a_record_leave_their_samples_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stable_scale, "REFERENCE_EVENTS", 12_000)
    monkeypatch.setattr("pipeline.learning.trainer.STATES_BYTES_MAX", 250_000)
    before, after = trainer_of(), trainer_of()
    decide(before, range(15_000))
    [shape, _] = before.snapshots(1)
    states = before.states(2)
    assert sum(map(len, states.values())) < 250_000
    after.resume(states, before.clock_ms)
    decide(after, range(15_000, 16_000))
    [again, _] = after.snapshots(2)
    assert again.arrays_of("scale")["raw"].tolist() == shape.arrays_of("scale")["raw"].tolist()


def test_of_many_labels_without_an_event_the_latest_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.learners.outcome_counts.EARLY_MAX", 3)
    trainer = trainer_of()
    for number in range(5):
        label(trainer, number)
    decide(trainer, range(10, 11))
    assert counts(trainer) == (0.0, 0.0)
    decide(trainer, range(5))
    assert counts(trainer) == (0.0, 3.0)
