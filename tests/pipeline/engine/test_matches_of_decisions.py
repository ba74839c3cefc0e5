"""What rules find, from the engine to whatever reads decisions; and decisions from before there were matches."""

import dataclasses
import io
import json
import pathlib
import struct
from collections import Counter
from collections.abc import Mapping

import msgspec
import pyarrow.parquet
import pytest
from imitation import DictState, Imitation
from planted_rules import PlantedRules

from pipeline.control import known_releases
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.replay.replay import Replay
from pipeline.sinks.archive_stage import Keep
from pipeline.sinks.deduplication import PAGE
from pipeline.sinks.deliver_job import IndexedDecision
from pipeline.sinks.roll_up import RollUp
from pipeline.tables.event_files import read_history
from pipeline.training import served_source
from pipeline.training.replayed_source import ReplayedSource
from pipeline.wire.bundle import write_bundle
from pipeline.wire.frames import read_frames
from stores.metrics.metric_rows import MetricRow

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
fields: {amount: {type: decimal, scale: 2, retain: true, required: false}}
""",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}",
    "policy": "{score: first_ready(own), bands: [{below: 0.9, action: approve}, {action: block}], fallback: {action: review}}",
}


def with_rules(monkeypatch: pytest.MonkeyPatch, matching: int) -> Imitation:
    """A job whose release has rules that match each event from its user's second on."""

    def planted(id: int, texts: Mapping[str, str]) -> Release:
        return dataclasses.replace(compile_release(id, texts), rules=PlantedRules(matching, (0, 1.0)))

    monkeypatch.setattr(known_releases, "compile_release", planted)
    job = Imitation()
    job.release(1, TEXTS)
    return job


def payments(count: int) -> list[bytes]:
    """The first one lacks what the only model reads."""
    amounts = [{"amount": 5 + id % 3} if id else {} for id in range(count)]
    return [msgspec.json.encode({"id": id, "at": START_MS + id, "who": "u"} | amount) for id, amount in enumerate(amounts)]


def old_decisions() -> list[bytes]:
    """Decisions as they were written before there were matches."""
    kept = json.loads(pathlib.Path(__file__).with_name("state_from_before_matches.json").read_text())
    return [value.encode() for value in kept["decisions"]]


def test_a_decision_names_the_rules_that_matched_with_what_they_found(monkeypatch: pytest.MonkeyPatch) -> None:
    job = with_rules(monkeypatch, 2)
    job.events(payments(2))
    first, second = job.decisions()
    assert (first["matches"], first["match_count"]) == ([], 0)
    found = {"amount": 600.0, "seen": "rule 0"}
    assert second["matches"] == [
        {"pattern": "rule_0", "version": "2", "action": "review", "shadow": False, "values": found},
        {"pattern": "rule_1", "version": "2", "action": "block", "shadow": True, "values": found | {"seen": "rule 1"}},
    ]
    assert (second["match_count"], first["decided_by"], second["decided_by"]) == (2, "fallback", "score")


def test_a_decision_names_33_matches_and_counts_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    job = with_rules(monkeypatch, 40)
    job.events(payments(2))
    assert [len(decision["matches"]) for decision in job.decisions()] == [0, 33]
    assert [decision["match_count"] for decision in job.decisions()] == [0, 40]


def test_matches_are_counted_archived_and_found_by_whoever_reads_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    job = with_rules(monkeypatch, 3)
    job.events(payments(9))
    values = [value for _, value in job.out["D"]]
    assert {msgspec.json.decode(value, type=IndexedDecision).user for value in values} == {"u"}
    [row] = [each for each in archived(values) if each["event_id"] == "8"]
    assert [match["pattern"] for match in row["matches"]] == ["rule_0", "rule_2", "rule_1"]
    assert row["matches"][2] == {"pattern": "rule_1", "version": "2", "action": "block", "shadow": True}
    assert (row["match_count"], row["decided_by"]) == (3, "score")
    counts = {(each.pattern, each.action, each.shadow): each.count for each in counted(values) if each.metric == "matches"}
    deciders = Counter[str]()
    for each in counted(values):
        deciders[each.decided_by] += each.count
    assert deciders == {"fallback": 1, "score": 8, "": 24}  # those of nothing are matches
    assert counts == {("rule_0", "review", False): 8, ("rule_1", "block", True): 8, ("rule_2", "review", False): 8}


def test_a_replay_writes_the_rules_that_matched_and_what_decided(tmp_path: pathlib.Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(payments(9)))
    release = dataclasses.replace(compile_release(1, TEXTS), rules=PlantedRules(2, (0, 1.0)))
    history = read_history([tmp_path / "events.jsonl"], release.schema)
    Replay(release, history, None).run(tmp_path)
    rows = pyarrow.parquet.read_table(tmp_path / "decisions.parquet").to_pylist()
    assert [row["matches"] for row in rows] == [[]] + [["rule_0", "rule_1"]] * 8
    assert [row["match_count"] for row in rows] == [0] + [2] * 8
    assert [row["decided_by"] for row in rows] == ["fallback"] + ["score"] * 8
    [batch] = ReplayedSource(release, history, None).decisions()
    exported = batch.select(["matches", "match_count", "decided_by"]).to_pylist()
    assert exported == [{name: row[name] for name in ("matches", "match_count", "decided_by")} for row in rows]


def test_an_export_of_what_was_served_has_the_same_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    job = with_rules(monkeypatch, 2)
    job.events(payments(4))
    batch = served_source._columns([served_source._decode(value) for _, value in job.out["D"]], True)
    assert batch is not None
    assert batch["matches"].to_pylist() == [[]] + [["rule_0", "rule_1"]] * 3
    assert (batch["match_count"].to_pylist(), batch["decided_by"].to_pylist()) == ([0, 2, 2, 2], ["fallback"] + ["score"] * 3)


def test_decisions_from_before_are_read_and_say_nothing_of_what_decided_them() -> None:
    values = old_decisions()
    assert all(b"decided_by" not in value for value in values)
    assert len(values) == len([msgspec.json.decode(value, type=IndexedDecision) for value in values])
    assert [(row["decided_by"], row["matches"], row["match_count"]) for row in archived(values)] == [(None, [], 0)] * len(values)
    assert sum(row.count for row in counted(values) if row.metric == "decisions") == len(values)
    batch = served_source._columns([served_source._decode(value) for value in values], True)
    assert batch is not None
    assert (batch["decided_by"].null_count, batch["match_count"].to_pylist()) == (len(values), [0] * len(values))


def archived(values: list[bytes]) -> list[dict[str, object]]:
    """The rows that the archive job writes of decisions."""
    stage = Keep(DictState(), PAGE, "weir.")
    bodies = [
        struct.pack("<iqqii", 0, at, START_MS, len(b"weir.decisions"), 0) + b"weir.decisions" + value for at, value in enumerate(values)
    ]
    stage.process(write_bundle("R", bodies))
    files = [value for _, _, value in read_frames(stage.process(write_bundle("S", [b""])))]
    return [row for file in files for row in pyarrow.parquet.read_table(io.BytesIO(file)).to_pylist()]


def counted(values: list[bytes]) -> list[MetricRow]:
    """The rows that the metrics job makes of decisions."""
    stage = RollUp(DictState(), 1_000)
    stage.process(write_bundle("R", [struct.pack("<iqqii", 0, at, 0, 0, 0) + value for at, value in enumerate(values)]))
    return [msgspec.json.decode(value, type=MetricRow) for _, _, value in read_frames(stage.process(write_bundle("S", [b""])))]
