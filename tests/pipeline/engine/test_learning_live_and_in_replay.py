"""What live stages and a learn job decide and learn with labels flowing is what a replay does, also after a kill in the middle.

Blocked payments are among them, some that pass by a draw, labels of a bounded source, and a model that learns from approved events alone.
"""

import pathlib
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
from imitation import Imitation

from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.event_keys import Labels
from pipeline.learning.trainer import ServedDecision, Trainer
from pipeline.replay.replay import Replay
from pipeline.score_job.labels import ResolvedLabel
from pipeline.tables.event_files import read_history

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
START_MS = 1_700_006_400_000 + MINUTE_MS // 2  # half a minute past: nothing falls due between the last event of an hour and its end
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nfields: {amount: {type: float, retain: true}}\n"
    "labels: {negative_after: 4h}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": """
- {name: tree, kind: river, inputs: [event.amount, feature.count_1h], labels: {sources: [other], share: 10%},
   model: [preprocessing.RobustScaler, {tree.HoeffdingTreeClassifier: {grace_period: 30, delta: 0.2}}]}
- {name: strange, kind: river, inputs: [event.amount, feature.count_1h], learns_from: approved,
   model: [preprocessing.MinMaxScaler, {anomaly.OneClassSVM: {nu: 0.2}}]}
""",
    "policy": "score: first_ready(tree, strange)\nbands: [{below: 0.7, action: approve}, {action: block}]\n"
    "loss: {value: event.amount, currency: EUR}\nhold_out: {share: 10%, below: 150.0, salt: pepper}\nfallback: {action: approve}\n",
}


def payments(hours: int) -> list[dict[str, Any]]:
    draw = np.random.default_rng(1)
    return [
        {"id": minute, "at": START_MS + minute * MINUTE_MS, "who": f"u{draw.integers(5)}", "amount": round(float(draw.gamma(2.0, 30.0)), 2)}
        for minute in range(60 * hours)
    ]


def frauds(events: list[dict[str, Any]]) -> list[tuple[dict[str, Any], int, int]]:
    """Events with their label and its time: most of what is dear is fraud and known two hours later, and some of it is taken back."""
    dear = [event for event in events if event["amount"] > 80.0]
    positive = [(event, 1, event["at"] + 2 * HOUR_MS) for event in dear]
    return sorted([*positive, *((event, 0, at + HOUR_MS) for event, _, at in positive[::7])], key=lambda each: each[2])


def labels_of(events: list[dict[str, Any]]) -> Labels:
    told = frauds(events)
    return Labels(
        np.array([event["id"] for event, _, _ in told]),
        np.array([label for _, label, _ in told], np.int8),
        np.array([at for _, _, at in told]),
        [event["who"] for event, _, _ in told],
    )


def served(decision: dict[str, Any]) -> ServedDecision:
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(decision)), ServedDecision)


def resolved(decision: ServedDecision, label: int, at: int) -> ResolvedLabel:
    return ResolvedLabel(
        decision.event_id, int(decision.event_id), decision.event_time, label, at, decision.user, decision.features, decision.event
    )


class LearnJob:
    """The learn job without a broker: it hears decisions and labels, and can be killed and started again from what it kept."""

    def __init__(self, release: Release) -> None:
        self.release, self.trainer = release, Trainer()
        self.trainer.change(release)
        self.decisions: list[ServedDecision] = []
        self.labels: list[ResolvedLabel] = []

    def hear(self, decisions: list[ServedDecision], labels: list[ResolvedLabel]) -> None:
        self._decide(self.trainer, decisions, refill=False)
        for label in labels:
            self.trainer.label(label)
        self.decisions += decisions
        self.labels += labels

    def publish(self, sequence: int) -> list[Any]:
        self.trainer.advance()
        return self.trainer.snapshots(sequence)

    def killed_and_started_again(self, sequence: int) -> None:
        states, clock_ms = self.trainer.states(sequence), self.trainer.clock_ms
        self.trainer = Trainer()
        self.trainer.change(self.release)
        self.trainer.resume(states, clock_ms)
        self._decide(self.trainer, self.decisions, refill=True)
        for label in self.labels:
            self.trainer.label(label)
        self.trainer.refilled()

    @staticmethod
    def _decide(trainer: Trainer, decisions: list[ServedDecision], refill: bool) -> None:
        trainer.decide(decisions, np.array([int(decision.event_id) for decision in decisions]), refill)


@pytest.mark.parametrize("killed_after", [None, 9])
def test_scores_and_actions_are_those_of_a_replay(tmp_path: pathlib.Path, killed_after: int | None) -> None:
    events, release = payments(14), compile_release(1, TEXTS)
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, events)))
    Replay(release, read_history([path], release.schema), labels_of(events)).run(tmp_path)
    replayed = pyarrow.parquet.read_table(tmp_path / "decisions.parquet").to_pylist()
    stages, job = Imitation(), LearnJob(release)
    stages.release(1, TEXTS)
    first = START_MS // HOUR_MS
    for hour in range(14):
        if job.decisions:
            snapshots = job.publish(first + hour)
            stages.control([("m", snapshot.model, snapshot.encode()) for snapshot in snapshots])
        if hour == killed_after:
            job.killed_and_started_again(first + hour)
        stages.events([msgspec.json.encode(event) for event in events[60 * hour : 60 * hour + 60]])
        decided = [served(decision) for decision in stages.decisions()]
        until_ms = START_MS + (hour + 1) * HOUR_MS - MINUTE_MS
        due = [(event, label, at) for event, label, at in frauds(events) if until_ms - HOUR_MS < at <= until_ms]
        job.hear(decided[60 * hour :], [resolved(decided[event["id"]], label, at) for event, label, at in due])
    scored = [row["model.tree"] for row in replayed if row["model.tree"] is not None]
    assert len(scored) > 400
    assert len(set(scored)) > 20
    for one, other in zip(stages.decisions(), replayed, strict=True):
        for name in ("tree", "strange"):
            assert (one["models"][name]["score"] if name in one["models"] else None) == other[f"model.{name}"]
        assert (one["action"], one["decided_by"]) == (other["action"], other["decided_by"])
        assert one.get("hold_out", 0.0) == (0.1 if other["decided_by"] == "hold_out" else 0.0)
    decided = [(row["action"], row["decided_by"]) for row in replayed]
    assert decided.count(("approve", "hold_out")) > 3
    assert decided.count(("block", "score")) > 30
