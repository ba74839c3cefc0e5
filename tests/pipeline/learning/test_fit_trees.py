"""Fitted trees find what there is to find, are the same each time, and stop where more would only learn by heart."""

import json
import pathlib
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.boosted.symmetric_trees import BoostedScoring
from foundation.refusal import Refusal
from pipeline.engine.definitions.boosted_model import Boosted
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.learners.fitted_trees import LabelledRows
from pipeline.learning.fit_trees import TREES_MIN, fit_trees
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

HOW = Boosted(trees=200, depth=4, learning_rate=0.1, l2=3.0, seed=1, retrain_ms=1, negatives=1.0, monotone=(0, 0, 0))
DAY_MS = 86_400_000
START_MS = 1_700_006_400_000 // DAY_MS * DAY_MS


def rows_of(count: int, strength: float, seed: int = 1) -> LabelledRows:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(count, 3)).astype(np.float32)
    x[draw.random((count, 3)) < 0.1] = np.nan
    odds = strength * np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) - 1.0
    y = (draw.random(count) < 1.0 / (1.0 + np.exp(-odds))).astype(np.int8)
    return LabelledRows(x, y, np.ones(count, np.float32))


def ranked(scores: NDArray[np.float64], labels: NDArray[np.int8]) -> float:
    """The area under the ROC curve."""
    ranks = np.argsort(np.argsort(scores)) + 1.0
    positives = int(labels.sum())
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives)))


def test_what_two_inputs_say_together_is_found() -> None:
    scoring = BoostedScoring(fit_trees(rows_of(6_000, 3.0), HOW))
    later = rows_of(3_000, 3.0, seed=2)
    assert ranked(scoring.score_many(later.x.astype(np.float64)), later.y) > 0.75


def test_the_same_rows_give_the_same_trees() -> None:
    one, other = fit_trees(rows_of(2_000, 2.0), HOW), fit_trees(rows_of(2_000, 2.0), HOW)
    assert {name: array.tobytes() for name, array in one.items()} == {name: array.tobytes() for name, array in other.items()}


def test_where_there_is_nothing_to_find_few_trees_are_kept() -> None:
    assert len(fit_trees(rows_of(2_000, 0.0), HOW)["split_input"]) <= TREES_MIN < len(fit_trees(rows_of(6_000, 3.0), HOW)["split_input"])


def test_negatives_that_stand_for_many_leave_probabilities_as_they_are() -> None:
    rows = rows_of(20_000, 1.0)
    kept = (rows.y == 1) | (np.arange(20_000) % 4 == 0)
    weights = np.where(rows.y == 1, 1.0, 4.0).astype(np.float32)
    scoring = BoostedScoring(fit_trees(LabelledRows(rows.x[kept], rows.y[kept], weights[kept]), HOW))
    assert scoring.score_many(rows.x.astype(np.float64)).mean() == pytest.approx(rows.y.mean(), rel=0.1)


def test_without_catboost_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "catboost", None)
    with pytest.raises(Refusal, match="boosted trees cannot be fitted here") as caught:
        fit_trees(rows_of(200, 1.0), HOW)
    assert "weir[training]" in caught.value.remedy


def test_a_replay_scores_each_event_by_trees_that_were_fitted_before_it(tmp_path: pathlib.Path) -> None:
    release = compile_release(1, RELEASE)
    events = tmp_path / "events.jsonl"
    draw = np.random.default_rng(4)
    with events.open("w") as file:
        for id in range(3_000):
            amount, at = round(float(draw.lognormal(3.0, 1.0)), 2), START_MS + id * 12 * DAY_MS // 3_000
            fraud = int(amount > 60.0 and draw.random() < 0.8)
            file.write(json.dumps({"id": id, "at": at, "u": f"u{id % 40}", "amount": amount, "fraud": fraud}) + "\n")
    replays = []
    for _ in range(2):
        history = read_history([events], release.schema, "time", "fraud", DAY_MS)
        replays.append(Replay(release, history, history.labels))
        outcome = replays[-1].run(None)
    scores, labels = outcome.scores["model.trees"], outcome.marks
    times_ms = START_MS + np.arange(3_000) * 12 * DAY_MS // 3_000
    first_ms = times_ms[~np.isnan(scores)].min()
    assert first_ms // (3 * DAY_MS) == (first_ms - 1) // (3 * DAY_MS) + 1 or first_ms % (3 * DAY_MS) < DAY_MS
    assert np.isnan(scores[times_ms < first_ms]).all()
    assert not np.isnan(scores[times_ms >= first_ms]).any()
    assert ranked(scores[times_ms >= first_ms], labels[times_ms >= first_ms]) > 0.95
    one, other = (each.published["trees"].encode() for each in replays)
    assert one == other


def test_when_fraud_changes_its_looks_retraining_recovers_what_was_lost_within_two_cadences(tmp_path: pathlib.Path) -> None:
    release, draw = compile_release(1, RELEASE), np.random.default_rng(6)
    count, days, turn = 2_700, 18, 9
    fraud = draw.random(count) < 0.12
    day = np.arange(count) * days / count
    looks = np.where(day < turn, 120.0, 45.0) + draw.uniform(-5.0, 5.0, count)  # later amid the amounts of others
    amounts = np.where(fraud, looks, draw.uniform(0.0, 100.0, count))
    events = tmp_path / "events.jsonl"
    lines = [
        {"id": id, "at": START_MS + int(day[id] * DAY_MS), "u": f"u{id}", "amount": round(amounts[id], 2), "fraud": int(fraud[id])}
        for id in range(count)
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    history = read_history([events], release.schema, "time", "fraud", DAY_MS // 2)
    outcome = Replay(release, history, history.labels).run(None)

    def auc(first: float, end: float) -> float:
        held = (day >= first) & (day < end) & ~np.isnan(outcome.scores["model.trees"])
        return ranked(outcome.scores["model.trees"][held], outcome.marks[held])

    cadence = 3
    before, lost, recovered = auc(0, turn), auc(turn, turn + 1), auc(turn + 2 * cadence, days)
    assert lost < 0.7 < 0.98 < before
    assert recovered > 0.9, "a tenth of the legitimate amounts are where the frauds are now: 0.95 is what can be reached"


RELEASE = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: u\n"
    "fields: {amount: {type: decimal, scale: 2, retain: true}}\n"
    "labels: {negative_after: 1d}\n",
    "features": "- {name: spent, template: sum, value: event.amount, window: 1h}\n",
    "models": "- {name: trees, kind: boosted, retrain: 3d, fit: {trees: 40}, inputs: [event.amount, feature.spent]}\n",
    "policy": "score: first_ready(trees)\nbands: [{below: 0.9, action: approve}, {action: block}]\n",
}
