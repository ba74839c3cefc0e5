"""weir export --served: what stands on the topics, of a log as well as of a broker, as rows in order with labels."""

import pathlib
import random
import re
import uuid
from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from deploy.command import main
from deploy.local.releases import publish
from deploy.local.stack import settings_as_environment
from deploy.machine.ports import free_ports
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.control.kafka import Outbox, producer_of
from pipeline.log.log_folder import LOGS, close_writers

START_MS = 1_700_000_000_000
DAY_MS = 86_400_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nfields: {amount: {type: decimal}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: approve}\n",
}


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Of a system without a broker, which does not run."""
    made = Settings(runtime="solo", folder=str(tmp_path_factory.mktemp("system")))
    yield from published(made, monkeypatch)
    close_writers(made.path(*LOGS))


@pytest.fixture
def settings_of_a_broker(broker: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    folder = str(tmp_path_factory.mktemp("system"))
    made = Settings(bootstrap=broker, topic_prefix=f"e{uuid.uuid4().hex[:8]}.", partitions=2, folder=folder)
    make_topics(made)
    yield from published(made, monkeypatch)


def published(made: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    publish(made, TEXTS)
    for name, value in settings_as_environment(made).items():
        monkeypatch.setenv(name, value)
    yield made


def decision(number: int, release: int = 1, **changes: object) -> dict[str, object]:
    """One as the score job writes it, with numbers that no short text holds."""
    draw = random.Random(number)
    features = {"count_1h": draw.random() / 3, "mean_1h": draw.random() if number % 3 else None}
    return {
        "event_id": str(number),
        "revision": 0,
        "event_time": START_MS + number // 2,
        "user": f"u{number % 7}",
        "entities": {"terminal": f"t{number}" if number % 2 else ""},
        "score": draw.random() if number % 5 else None,
        "action": "review",
        "reasons": ["amount"],
        "event": {"amount": draw.random() * 1e-7},
        "features": features if release == 1 else {"count_1h": features["count_1h"], "sum_7d": -0.0},
        "models": {"own": {"score": draw.random(), "snapshot": None}},
        "release": release,
        "flags": ["warming"] if number % 5 == 0 else [],
    } | changes


def send(settings: Settings, topic: str, values: list[dict[str, object] | bytes]) -> None:
    outbox = Outbox(producer_of(settings))
    for value in values:
        key = b"" if isinstance(value, bytes) else str(value.get("user", "")).encode()
        outbox.send(settings.topic(topic), key, value if isinstance(value, bytes) else msgspec.json.encode(value))
    outbox.flush()


def run(out: pathlib.Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["export", "--served", "--out", str(out), *arguments])


def exported(tmp_path: pathlib.Path, *arguments: str) -> pa.Table:
    result = run(tmp_path / "training.parquet", *arguments)
    assert result.exit_code == 0, result.output
    return pyarrow.parquet.read_table(tmp_path / "training.parquet")


def same_bits(one: list[float | None], other: list[float | None]) -> bool:
    assert [value is None for value in one] == [value is None for value in other]
    left, right = (np.array([0.0 if value is None else value for value in values]) for values in (one, other))
    return bool((left.view(np.int64) == right.view(np.int64)).all())


@pytest.mark.parametrize("topics_of", ["log", "broker"])
def test_an_export_holds_what_was_served_bit_for_bit_in_order(
    topics_of: str, request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> None:
    settings = request.getfixturevalue("settings" if topics_of == "log" else "settings_of_a_broker")
    served = [decision(number, release=1 + number // 3_000) for number in range(6_000)]
    shuffled = random.Random(1).sample(served, len(served))
    send(settings, "decisions", [*shuffled, b"nonsense"])
    table = exported(tmp_path)
    for name in ("event_id", "revision", "user", "score", "action", "release", "flags"):
        assert table[name].to_pylist() == [one[name] for one in served], name
    assert table["event_time"].cast(pa.int64()).to_pylist() == [one["event_time"] for one in served]
    assert same_bits(table["score"].to_pylist(), [one["score"] for one in served])
    for group, name in (("event", "amount"), ("feature", "count_1h"), ("feature", "mean_1h"), ("feature", "sum_7d")):
        part = "features" if group == "feature" else group
        assert same_bits(table[f"{group}.{name}"].to_pylist(), [one[part].get(name) for one in served]), name
    assert same_bits(table["model.own"].to_pylist(), [one["models"]["own"]["score"] for one in served])
    assert table["entity.terminal"].to_pylist() == [one["entities"]["terminal"] or None for one in served]
    assert table["label"].null_count == len(table)


def test_of_repeated_decisions_the_first_one_is_exported_and_the_newest_revision_is_marked(
    settings: Settings, tmp_path: pathlib.Path
) -> None:
    corrected = decision(7, revision=1, score=0.25, event_time=START_MS - 1)
    send(settings, "decisions", [decision(7, score=0.5), decision(21, score=0.5), decision(7, score=0.75), corrected])
    result = run(tmp_path / "training.parquet")
    assert "repeats dropped 1" in result.output
    rows = pyarrow.parquet.read_table(tmp_path / "training.parquet").select(["event_id", "revision", "score", "newest"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [("7", 1, 0.25, True), ("7", 0, 0.5, False), ("21", 0, 0.5, True)]


def test_the_latest_label_stands_at_its_event_with_its_own_time(settings: Settings, tmp_path: pathlib.Path) -> None:
    send(settings, "decisions", [decision(number) for number in range(1, 5)] + [decision(4, revision=1, flags=["retracted"])])
    labels = [(1, 0, DAY_MS), (2, 1, 2 * DAY_MS), (2, 0, DAY_MS), (3, 0, DAY_MS), (3, 1, DAY_MS), (4, 1, DAY_MS), (404, 1, DAY_MS)]
    of_users = [{"event_id": id, "label": label, "label_time": START_MS + at, "user": f"u{id % 7}"} for id, label, at in labels]
    send(settings, "labels", of_users)
    send(settings, "labels", [b"nonsense", {"event_id": "1", "label": 2, "label_time": START_MS}])
    result = run(tmp_path / "training.parquet")
    assert "positive 2  of unknown events 1" in result.output
    assert "2 bad labels" in result.output
    table = pyarrow.parquet.read_table(tmp_path / "training.parquet")
    times_ms = table["label_time"].cast(pa.int64()).to_pylist()
    assert list(zip(table["event_id"].to_pylist(), table["label"].to_pylist(), times_ms, strict=True)) == [
        ("1", 0, START_MS + DAY_MS),
        ("2", 1, START_MS + 2 * DAY_MS),
        ("3", 1, START_MS + DAY_MS),
        ("4", None, None),  # taken back
        ("4", None, None),
    ]


def test_an_export_may_be_bounded_in_event_time(settings: Settings, tmp_path: pathlib.Path) -> None:
    send(settings, "decisions", [decision(number) for number in range(20)])
    table = exported(tmp_path, "--from", str(START_MS + 2), "--to", "2023-11-14T22:13:20.005Z")
    assert table["event_id"].to_pylist() == ["4", "5", "6", "7", "8", "9"]


def test_the_export_of_the_readme_runs(settings: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (pathlib.Path(__file__).parents[3] / "README.md").read_text()
    (command,) = re.findall(r"^\$ weir (export --served .*)", readme, re.MULTILINE)
    in_november_2026 = 1_795_000_000_000
    send(settings, "decisions", [decision(1), decision(2, event_time=in_november_2026)])
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 0, result.output
    assert pyarrow.parquet.read_table("served.parquet")["event_id"].to_pylist() == ["2"]


def test_an_export_before_the_first_decision_is_a_file_without_rows(settings: Settings, tmp_path: pathlib.Path) -> None:
    table = exported(tmp_path)
    assert len(table) == 0
    assert {"event_id", "score", "label", "label_time"} <= set(table.column_names)


def test_a_system_that_does_not_run_is_refused_by_the_name_of_its_setting(
    broker: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr("pipeline.control.kafka.SECONDS_MAX", 2.0)
    for bootstrap, prefix, said in ((f"127.0.0.1:{free_ports(1)[0]}", "weir.", "WEIR_BOOTSTRAP"), (broker, "never.", "WEIR_TOPIC_PREFIX")):
        monkeypatch.setenv("WEIR_BOOTSTRAP", bootstrap)
        monkeypatch.setenv("WEIR_TOPIC_PREFIX", prefix)
        result = run(tmp_path / "training.parquet")
        assert result.exit_code == 2
        assert said in result.output
        assert list(tmp_path.iterdir()) == []
