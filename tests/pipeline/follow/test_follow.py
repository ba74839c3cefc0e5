"""weir replay --follow: a live run is decided again from its archive, bit for bit, and what differs is found."""

import pathlib
import random
from collections.abc import Callable
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result
from imitation import ControlRecord, Imitation

from deploy.command import main
from detectors.snapshot_parts import parts_of
from foundation.settings import read_settings
from patterns.entries import Change
from patterns.entries import Entry as ListEntry
from patterns.lists import DECLARATION
from pipeline.engine.definitions.release import compile_release
from pipeline.follow.comparison import differences_between
from pipeline.follow.entries_so_far import EntriesSoFar
from pipeline.follow.follow import DecisionsSoFar
from pipeline.follow.recorded_stamps import Recorded
from pipeline.learning.label_record import LabelRecord
from pipeline.learning.label_resolver import LabelResolver
from pipeline.learning.published_snapshots import PublishedSnapshots
from pipeline.learning.trainer import ServedDecision, Trainer
from pipeline.score_job.labels import ResolvedLabel
from pipeline.wire.declaration import Kind, Tag
from stores.archive.archive import open_archive
from stores.archive.archive_encoding import day_of, decode_decision, encode_decisions, encode_records, folder_of
from stores.archive.archive_rows import ArchivedRecord
from stores.archive.archive_rows import Kind as Archived
from stores.decisions import Decisions

pytestmark = pytest.mark.slow

START_MS = 1_764_000_000_000
SCHEMA = """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
lateness: 10m
fields: {amount: {type: decimal, scale: 2, retain: true}}
labels: {negative_after: 1h}
"""
FEATURES = """
- {name: count_1h, template: count, window: 1h}
- {name: mean_1h, template: mean, value: event.amount, window: 1h}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
- {name: shop_risk, template: label_rate, entity: shop, window: {length: 2h, delay: 10m}}
"""
MODELS = """
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: who, inputs: [event.amount]}
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount, feature.shop_count_1h], publish_every: 10m,
   parameters: {n_trees: 5, height: 4, window_size: 50, seed: 1}}
- {name: fraud, kind: river, model: linear_model.LogisticRegression, learns: labels, inputs: [event.amount, feature.mean_1h],
   publish_every: 10m}
"""
POLICY = "score: first_ready(fraud, shape, own)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: approve}\n"
UNUSUAL = """
title: More than is usual
owner: tests
status: active
adaptive: {usual: {of: event.amount, rate: 1/10}}
when: event.amount > adaptive.usual
then: {action: review, tag: unusual}
"""
LISTED = """
title: A shop that is watched
owner: tests
status: active
when: event.shop in list.watched
then: {adjust: 0.5, tag: watched}
"""
TEXTS = {"schema": SCHEMA, "features": FEATURES, "models": MODELS, "policy": POLICY, "pattern:unusual": UNUSUAL, "pattern:listed": LISTED}
TEXTS |= {"list:watched": DECLARATION}
OTHER = TEXTS | {
    "features": FEATURES + "- {name: max_1h, template: max, value: event.amount, window: 1h}\n",
    "models": MODELS.replace("seed: 1", "seed: 2"),
    "policy": POLICY.replace("below: 0.5", "below: 0.3"),
}


class LiveRun:
    """A system by arrival with one partition, whose learner publishes and whose release changes, and what its archive keeps."""

    def __init__(self) -> None:
        self._entries = EntriesSoFar()
        self.job = Imitation(entries=self._entries)
        self.kept: dict[Archived, list[ArchivedRecord]] = {
            kind: [] for kind in ("events", "decisions", "labels", "control", "models", "entries")
        }
        self.at_ms = START_MS
        self._trainer, self._published, self._sequence = Trainer(), PublishedSnapshots(), 0
        self._so_far = DecisionsSoFar()
        self._labels = LabelResolver(cast(Decisions, self._so_far), self.job.user.definitions, 60_000, lambda: self.at_ms)
        self._done = 0

    def release(self, id: int, texts: dict[str, str]) -> None:
        self.control(Imitation.records_of(id, texts))
        self._trainer.change(compile_release(id, texts))

    def control(self, records: list[ControlRecord]) -> None:
        for topic, key, value in records:
            self._keep("models" if topic == "m" else "control", value or b"", key.encode())
        self.job.control(records)

    def events(self, values: list[bytes], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Events that are decoded before `meanwhile`, and decided after it."""
        frames = []
        for value in values:
            self.at_ms += 1
            frames += self.job.stamp([value], self.at_ms)
            self._keep("events", value)
        meanwhile()
        self.job.arrive(frames)
        self._served()

    def degraded(self, value: bytes) -> None:
        """An event whose entities' answers do not come in time."""
        self.at_ms += 1
        self._keep("events", value)
        self.job.events([value], self.at_ms, lose_answers=True)
        self._served()

    def label(self, event_id: int, label: int) -> None:
        self.at_ms += 1
        value = msgspec.json.encode({"event_id": str(event_id), "label": label, "label_time": self.at_ms})
        self._keep("labels", value)
        for sent in self._labels.take([LabelRecord("labels/0", len(self.kept["labels"]) - 1, self.at_ms, value)]):
            if sent.topic == "labels-resolved":
                self.job.tell(Kind.LABELS, sent.key, sent.value, "who")
                if sent.key.startswith(b"who"):
                    self._trainer.label(msgspec.json.decode(sent.value, type=ResolvedLabel))

    def entry(self, shop: str, is_listed: bool) -> None:
        """A shop that is put on the list, or taken off."""
        self.at_ms += 1
        key, value = Change("watched", shop, ListEntry("watched", shop) if is_listed else None).record()
        self._entries.add([(key.encode(), value, len(self.kept["entries"]))])
        self._keep("entries", value or b"", key.encode())

    def publish(self) -> None:
        """Publishes what was learned of all decisions so far, in parts, and takes off what that replaces."""
        fresh = [msgspec.json.decode(record.value, type=ServedDecision) for record in self.kept["decisions"][self._done :]]
        self._done = len(self.kept["decisions"])
        self._trainer.decide(fresh, np.array([int(decision.event_id) for decision in fresh], np.int64))
        self._trainer.advance()
        self._sequence += 1
        sent: set[str] = set()
        for snapshot in self._trainer.snapshots(self._sequence):
            for key, value in parts_of(snapshot, 700):
                self.control([("m", key, value)])
                self._published.note(key, True)
                sent.add(key)
        for key in self._published.surplus(self._trainer.keys(), sent):
            self._keep("models", b"", key.encode())
            self.job._position_of("m")
            self._published.note(key, False)

    def write(self) -> None:
        """Writes the archive that the settings name."""
        archive = open_archive(read_settings().archive_place())
        for kind, records in self.kept.items():
            for day in sorted({day_of(record.at_ms) for record in records}):
                mine = [record for record in records if day_of(record.at_ms) == day]
                of = encode_decisions(mine, [decode_decision(each.value) for each in mine]) if kind == "decisions" else encode_records(mine)
                folder = f"{archive.root}/{folder_of(kind, day)}"
                archive.files.create_dir(folder, recursive=True)
                with archive.files.open_output_stream(f"{folder}/part-1.parquet") as out:
                    out.write(of)

    def served(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in self.kept["decisions"]]

    def _served(self) -> None:
        for user, value in self.job.out.pop(Tag.DECISION, []):
            self._keep("decisions", value, user.encode())
            self._so_far.add(msgspec.json.decode(value, type=Recorded), value, "who")

    def _keep(self, kind: Archived, value: bytes, key: bytes = b"") -> None:
        self.kept[kind].append(ArchivedRecord(0, len(self.kept[kind]), self.at_ms, key, value))


def event(draw: random.Random, id: int, at_ms: int, **more: object) -> bytes:
    known = {"id": id, "at": at_ms, "who": f"u{id % 17}", "shop": f"s{id % 5}", "amount": round(draw.lognormvariate(3, 1), 2)}
    return msgspec.json.encode(known | more)


def live_run() -> LiveRun:
    """Late and repeated events, corrections, labels, a release that comes and goes, and events on their way past each change."""
    run, draw = LiveRun(), random.Random(5)
    run.release(1, TEXTS)
    sent: list[bytes] = []

    def some(count: int) -> list[bytes]:
        made = []
        for _ in range(count):
            id = len(sent) + 1
            late_ms = draw.choice([0, 0, 0, 200_000, 500_000, 900_000])
            value = event(draw, id, START_MS + 9_000 * id - late_ms)
            sent.append(value)
            made.append(value)
            old = draw.choice(sent)
            if draw.random() < 0.1:
                made.append(old[:-1] + draw.choice([b',"op":"correct"}', b',"op":"retract"}', b"}"]))
        return made

    for turn in range(24):
        run.at_ms += 700_000
        changes = {8: lambda: run.release(2, OTHER), 16: lambda: run.release(3, TEXTS)}
        run.events(some(60))
        run.events(some(10), changes.get(turn, run.publish))
        for _ in range(6):
            run.label(draw.randrange(1, len(sent)), int(draw.random() < 0.3))
        run.entry(f"s{turn % 5}", turn % 3 != 0)
        if turn == 12:
            run.degraded(event(draw, 10_000, START_MS + 9_000 * len(sent)))
    run.events([b"no json", *some(5)])
    return run


@pytest.fixture(autouse=True)
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    folder = tmp_path / "archive"
    monkeypatch.setenv("WEIR_ARCHIVE_URL", folder.as_uri())
    return folder


@pytest.fixture(scope="module")
def run() -> LiveRun:
    return live_run()


def follow(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["replay", "--follow", *arguments])


def test_the_run_has_what_makes_it_hard(run: LiveRun) -> None:
    served = run.served()
    flags = {flag for decision in served for flag in decision["flags"]}
    assert {"late", "corrected", "retracted", "degraded", "warming"} <= flags
    assert {decision["release"] for decision in served} == {1, 2, 3}
    for model in ("shape", "fraud"):
        assert len({decision["models"][model]["snapshot"] for decision in served}) > 10
    assert any(decision["features"]["shop_risk"] for decision in served)
    learned = {decision.get("thresholds", {}).get("unusual.usual", {}).get("snapshot") for decision in served} - {None}
    assert len(learned) >= 2
    assert {match["pattern"] for decision in served for match in decision["matches"]} == {"unusual", "listed"}
    after = [decision for decision in served if decision["release"] == 3]
    assert after[0]["models"]["shape"]["snapshot"] is not None, "a rollback is warm"


def test_an_archived_run_is_decided_again_bit_for_bit(run: LiveRun, place: pathlib.Path, tmp_path: pathlib.Path) -> None:
    run.write()
    for name in ("archive", str(place), place.as_uri()):
        found = follow(name, "--out", str(tmp_path / "out"))
        count = len(run.kept["decisions"]) - 1
        assert found.output.splitlines() == [f"decisions   {count:,}  the same {count:,}  others 0", "left out    1 degraded"], found.output
        assert found.exit_code == 0
    assert (tmp_path / "out" / "differences.jsonl").read_bytes() == b""


def test_a_planted_difference_is_found_and_named(run: LiveRun, tmp_path: pathlib.Path) -> None:
    run.write()
    values = [record.value for record in run.kept["decisions"]]
    spoiled = msgspec.json.decode(values[200])
    spoiled["models"]["own"]["score"] = 0.123456789
    spoiled["processed_at"] += 1
    values[200] = msgspec.json.encode(spoiled)
    (tmp_path / "decisions.jsonl").write_bytes(b"\n".join(values))
    found = follow(str(tmp_path / "decisions.jsonl"), "--out", str(tmp_path))
    assert found.exit_code == 1
    count = len(values) - 1
    which = f"event {spoiled['event_id']} of {spoiled['user']}, revision {spoiled['revision']}"
    assert found.output.splitlines()[0] == f"decisions   {count:,}  the same {count - 1:,}  others 1"
    assert found.output.splitlines()[-1].startswith(f"first       {which}: models.own.score was 0.123456789")
    [difference] = map(msgspec.json.decode, (tmp_path / "differences.jsonl").read_bytes().splitlines())
    assert (difference["field"], difference["served"]) == ("models.own.score", 0.123456789)


def test_a_snapshot_and_a_release_that_were_not_recorded_are_named(run: LiveRun, place: pathlib.Path) -> None:
    incomplete = LiveRun()
    incomplete.kept = {kind: list(records) for kind, records in run.kept.items()}
    incomplete.kept["control"] = [record for record in run.kept["control"] if not record.key.endswith(b"release:0000000002")]
    incomplete.kept["models"] = [record for record in run.kept["models"] if b"fraud/" not in record.key]
    incomplete.write()
    found = follow("archive")
    assert found.exit_code == 1
    assert "unknown     release 2 was not recorded" in found.output
    assert "of fraud/" in found.output


def test_an_archive_with_nothing_to_follow_is_refused() -> None:
    assert "nothing to follow" in follow("archive").output
    assert "no such decisions" in follow("nowhere").output


def test_only_what_says_when_a_decision_was_made_may_differ() -> None:
    one = {"score": 0.5, "models": {"a": {"score": 1.0}}, "processed_at": 1, "latency_ms": 2.0}
    other = one | {"processed_at": 5, "latency_ms": 9.0}
    encode = msgspec.json.encode
    assert differences_between(encode(one), encode(other)) == []
    assert differences_between(encode(one), encode(other | {"models": {"a": {"score": 2.0}}, "new": 1})) == [
        ("models.a.score", 1.0, 2.0),
        ("new", None, 1),
    ]
