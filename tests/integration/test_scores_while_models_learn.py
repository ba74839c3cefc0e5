"""The learn job teaches and publishes while the score job decides: each score is what the snapshots that the decision names give."""

import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest
from changing_run import reader_of
from score_job_runs import START_MS, TEXTS, cancel, prepared, produce, produce_events, submitted
from side_job_runs import Running

from detectors.catalogue import Scoring, score_from
from detectors.scores.score_map import ScoreMap
from detectors.snapshot import Snapshot
from detectors.snapshot_parts import SnapshotAssembly
from features.schema.batch import Batch
from features.schema.decode import Decoder
from foundation.settings import Settings
from patterns.policy import ACTIONS
from pipeline.control.definitions import key_text
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.learning.label_job import LabelJob
from pipeline.learning.learn_job import LearnJob
from pipeline.sinks.deliver_job import DeliverJob
from stores.sqlite.sqlite_decisions import SqliteDecisions, SqliteDecisionsReader

MODELS = """
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, scope: global, publish_every: 10m, inputs: [event.amount, feature.count_1h],
   parameters: {window_size: 50, scaling: standard, seed: 7, recent_scores: 500}}
- {name: fraud, kind: river, model: linear_model.LogisticRegression, scope: global, learns: labels, publish_every: 10m,
   inputs: [event.amount, feature.mean_1d, feature.shop_count_1h, feature.shop_max_1h]}
"""
POLICY = """
score: first_ready(fraud, shape)
bands: [{below: 0.2, action: approve}, {below: 0.6, action: review}, {action: block}]
fallback: {action: review}
"""
LEARNING = TEXTS | {"models": MODELS, "policy": POLICY}
SCALES = {"raw": LEARNING, "stable": LEARNING | {"policy": POLICY + "scale: stable\n"}}
RELEASES = {scale: compile_release(1, texts) for scale, texts in SCALES.items()}
NAMES = [model.name for model in RELEASES["raw"].models]
SNAPSHOTS_MIN = 6
AT_ONCE, PAUSE_SECONDS, SECONDS_MAX = 50, 0.05, 150

Snapshots = Mapping[tuple[str, int], Snapshot]


@dataclass
class Run:
    """What was sent and what came of it.

    Args:
        decisions: in the order of each partition.
        named: the snapshots of each model that decisions name.
        scored: decisions with a score.
    """

    settings: Settings
    release: Release
    events: dict[str, dict[str, object]] = field(default_factory=dict)
    decisions: dict[int, list[dict]] = field(default_factory=lambda: defaultdict(list))
    snapshots: dict[tuple[str, int], Snapshot] = field(default_factory=dict)
    named: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in NAMES})
    scored: int = 0

    def go_on(self) -> None:
        """Sends events without waiting for their decisions until these name enough snapshots of each model.

        Labels are sent too, from the first score on: so that it is one of the model that needs none.
        """
        consumer, deadline = reader_of(self.settings, "decisions", "models"), time.monotonic() + SECONDS_MAX
        sending = payments(5)
        while min(map(len, self.named.values())) < SNAPSHOTS_MIN:
            assert time.monotonic() < deadline, f"{len(self.events)} events, {[*self.snapshots]} published"
            events = [next(sending) for _ in range(AT_ONCE)]
            self.events |= {str(event["id"]): event for event in events}
            produce_events(self.settings, events)
            produce(self.settings, "labels", [(str(event["who"]), label_of(event)) for event in events[::3] if self.scored])
            self._take(consumer, PAUSE_SECONDS)
        while len(self.all_decisions()) < len(self.events):
            assert time.monotonic() < deadline, f"{len(self.all_decisions())} of {len(self.events)} decided"
            self._take(consumer, 0.5)
        consumer.close()

    def all_decisions(self) -> list[dict]:
        return [decision for decisions in self.decisions.values() for decision in decisions]

    def _take(self, consumer, seconds: float) -> None:
        for message in consumer.consume(5_000, seconds):
            assert not message.error(), message.error()
            if message.topic() == self.settings.topic("decisions"):
                self._take_decision(message.partition(), msgspec.json.decode(message.value()))
                continue
            if message.value() is None:
                continue  # a snapshot of a definition of long ago was taken off the topic
            snapshot = SnapshotAssembly().take(key_text(message.key()), message.value())
            assert snapshot is not None, "a snapshot of two parts"
            same = self.snapshots.setdefault((snapshot.model, snapshot.sequence), snapshot)
            assert same.encode() == snapshot.encode(), f"two snapshots {snapshot.sequence} of {snapshot.model}"

    def _take_decision(self, partition: int, decision: dict) -> None:
        self.decisions[partition].append(decision)
        self.scored += decision["score"] is not None
        for name, model in decision["models"].items():
            self.named[name] |= {model["snapshot"]} - {None}


def payments(seed: int) -> Iterator[dict[str, object]]:
    """Without end, seconds apart."""
    draw = random.Random(seed)
    at, id = START_MS, 0
    while True:
        at += draw.choice((1, 500, 9_000))
        id += 1
        shop = f"s{draw.randrange(40)}" if draw.random() < 0.9 else None
        yield {"id": id, "at": at, "who": f"u{draw.randrange(300)}", "shop": shop, "amount": draw.randrange(1, 99_999) / 100}


def label_of(event: Mapping[str, object]) -> bytes:
    """Large amounts are mostly fraud; known a minute after the event."""
    fraud = float(event["amount"]) > 700 and int(event["id"]) % 5 > 0
    return msgspec.json.encode({"event_id": str(event["id"]), "label": int(fraud), "label_time": int(event["at"]) + 60_000})


def wrong_scores(run: Run, snapshot_of: Callable[[str, int], Snapshot]) -> list[str]:
    """Where decisions are not what the snapshots give on the same inputs, bit for bit; all decisions of a snapshot at once."""
    groups: dict[tuple, list[dict]] = defaultdict(list)
    for decision in run.all_decisions():
        groups[tuple(decision["models"][name]["snapshot"] for name in NAMES)].append(decision)
    found = []
    for sequences, decisions in groups.items():
        named = {name: snapshot_of(name, n) for name, n in zip(NAMES, sequences, strict=True) if n is not None}
        found += wrong_in_group(run.release, run.events, decisions, named)
    return found


def wrong_in_group(release: Release, sent: Mapping[str, dict], decisions: list[dict], named: Mapping[str, Snapshot]) -> list[str]:
    """The same for decisions by one snapshot of each model."""
    decoder = Decoder(release.schema)
    numbers = Batch.of([decoder.decode(msgspec.json.encode(sent[d["event_id"]]), 1 << 50) for d in decisions], release.schema).numbers
    features = np.array([[d["features"][name] for name in release.features.names] for d in decisions], np.float64)
    given = {model.name: [d["models"][model.name]["score"] for d in decisions] for model in release.models}
    wanted, probabilities = {}, {}
    for model in release.models:
        wanted[model.name] = probabilities[model.name] = np.full(len(decisions), np.nan)
        if model.name in named:
            assert named[model.name].definition == model.definition
            scoring = score_from(model.model, named[model.name].arrays_of())
            wanted[model.name] = scoring.score_many(model.columns.take(numbers, features))
            probabilities[model.name] = on_scale(release.policy.scale, named[model.name], scoring, wanted[model.name])
    fraud, shape = probabilities["fraud"], probabilities["shape"]
    wanted["score"], given["score"] = np.where(np.isnan(fraud), shape, fraud), [d["score"] for d in decisions]
    actions = [ACTIONS[code] for code in release.policy.decide_many(wanted["score"])]
    found = [f"{d['event_id']} action" for d, action in zip(decisions, actions, strict=True) if d["action"] != action]
    for name, values in wanted.items():
        differ = bits(values) != bits(np.array(given[name], np.float64))
        found += [f"{decisions[row]['event_id']} {name}" for row in np.flatnonzero(differ)]
    return found


def on_scale(scale: str, snapshot: Snapshot, scoring: Scoring, raw: np.ndarray) -> np.ndarray:
    """What raw scores mean on the policy's scale."""
    meant = scoring.probability_many(raw)
    if scale == "raw":
        return meant
    map = ScoreMap.from_arrays(snapshot.arrays_of("scale"))
    return np.full(len(raw), np.nan) if map is None else np.where(np.isnan(meant), np.nan, map.apply(raw))


def bits(values: np.ndarray) -> np.ndarray:
    """Equal for equal bits; any missing number equals any other."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


@pytest.fixture(scope="module", params=["stable", pytest.param("raw", marks=pytest.mark.long)])
def run(request: pytest.FixtureRequest, broker: str, flink, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A system of two user stages that has learned and decided at once, on each scale of scores."""
    scale = request.param
    flink.scale(2)
    settings = prepared(broker, flink, tmp_path_factory.mktemp("learning"), f"learning-{scale}.", SCALES[scale], parallelism=2)
    run, job = Run(settings, RELEASES[scale]), submitted(flink, settings)
    store = settings.path("decisions.db")
    with (
        Running(DeliverJob(settings, SqliteDecisions(store))),
        Running(LabelJob(settings, SqliteDecisionsReader(store))),
        Running(LearnJob(settings, publish_seconds_min=0.5)),
    ):
        run.go_on()
    cancel(flink, job)
    return run


def test_each_score_is_what_the_named_snapshots_give_bit_for_bit(run: Run) -> None:
    assert len(run.all_decisions()) == len({decision["event_id"] for decision in run.all_decisions()}) == len(run.events)
    assert wrong_scores(run, lambda model, sequence: run.snapshots[model, sequence]) == []


def test_many_snapshots_of_each_model_decided_and_both_models_gave_scores(run: Run) -> None:
    for name in NAMES:
        assert len(run.named[name]) >= SNAPSHOTS_MIN
    by_shape = [d for d in run.all_decisions() if d["models"]["fraud"]["snapshot"] is None and d["score"] is not None]
    by_fraud = [d for d in run.all_decisions() if d["models"]["fraud"]["snapshot"] is not None]
    assert by_shape and by_fraud
    assert {decision["action"] for decision in by_fraud} == set(ACTIONS)


def test_the_snapshot_before_the_named_one_would_have_given_other_scores(run: Run) -> None:
    def before(model: str, sequence: int) -> Snapshot:
        older = [number for name, number in run.snapshots if name == model and number < sequence]
        return run.snapshots[model, max(older, default=sequence)]

    assert len(wrong_scores(run, before)) > len(run.events) // 2


def test_decisions_on_the_stable_scale_say_a_probability_once_there_are_labels(run: Run) -> None:
    said = [decision for decision in run.all_decisions() if "probability" in decision]
    if run.release.policy.scale == "raw":
        assert not said
        assert not any(snapshot.arrays_of("scale") for snapshot in run.snapshots.values())
        return
    assert said
    assert all(low <= d["probability"] <= high for d in said for low, high in (d["probability_interval"],))
    assert all("warming" in d["flags"] for d in run.all_decisions())  # of so few events


def test_a_users_decisions_never_go_back_to_an_older_snapshot(run: Run) -> None:
    by_user: dict[str, list[dict]] = defaultdict(list)
    for decision in run.all_decisions():  # a user's are in one partition, in their order
        by_user[decision["user"]].append(decision)
    for decisions, name in itertools.product(by_user.values(), NAMES):
        named = [decision["models"][name]["snapshot"] or 0 for decision in decisions]
        assert named == sorted(named)
