"""weir export --replayed: what a replay decides, as rows in order with labels."""

import pathlib
import random

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from deploy.command import main
from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
lateness: 10m
labels: {negative_after: 1d}
""",
    "features": """
- {name: mean_1h, template: mean, value: event.amount, window: {length: 1h, delay: 1m}}
- {name: sum_1d, template: sum, value: event.amount, window: 1d}
- {name: risk_2d, template: label_rate, entity: shop, window: {length: 2d, delay: 1d}}
""",
    "models": """
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
- {name: fraud, kind: river, model: linear_model.LogisticRegression, learns: labels, publish_every: 1h, inputs: [feature.sum_1d]}
""",
    "policy": "score: first_ready(fraud, own)\nbands: [{below: 0.9, action: approve}, {action: block}]\nfallback: {action: review}\n",
}


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "config"
    folder.mkdir()
    for part, text in TEXTS.items():
        (folder / f"{part}.yaml").write_text(text)
    return folder


def some_events() -> list[dict[str, object]]:
    draw = random.Random(7)
    times_ms = sorted(START_MS + draw.randrange(5 * DAY_MS) for _ in range(3_000))
    shops = ["", "s1", "s2"]
    return [
        {"id": 9_000 + n, "at": at, "who": f"u{n * 7 % 20}", "shop": draw.choice(shops), "amount": draw.randrange(9_999) / 100}
        for n, at in enumerate(times_ms)
    ]


@pytest.fixture
def with_labels(tmp_path: pathlib.Path) -> pathlib.Path:
    rows = some_events()
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]} | {"bad": [int(row["amount"] > 90) for row in rows]})  # type: ignore[operator]
    pyarrow.parquet.write_table(table, tmp_path / "events.parquet")
    return tmp_path / "events.parquet"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def exported(*arguments: object, out: pathlib.Path) -> pa.Table:
    result = run(*arguments, "--out", out)
    assert result.exit_code == 0, result.output
    return pyarrow.parquet.read_table(out)


def bits(column: pa.ChunkedArray) -> list[int | None]:
    whole = column.combine_chunks()
    return pc.if_else(whole.is_valid(), pa.array(np.asarray(whole.fill_null(0)).view(np.int64)), None).to_pylist()


def test_an_exported_replay_has_the_decisions_of_the_replay_bit_for_bit(
    config: pathlib.Path, with_labels: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    release = compile_release(1, TEXTS)
    history = read_history([with_labels], release.schema, "time", "bad", DAY_MS)
    Replay(release, history, history.labels).run(tmp_path)
    replayed = pyarrow.parquet.read_table(tmp_path / "decisions.parquet")
    given = ("--replayed", with_labels, "--config", config, "--label-column", "bad", "--label-delay", "1d")
    table = exported(*given, out=tmp_path / "training.parquet")
    for name in ("event_id", "revision", "user", "action", "release"):
        assert table[name].to_pylist() == replayed[name].to_pylist(), name
    assert table["event_time"].cast(pa.int64()) == replayed["event_time"].cast(pa.int64())
    for name in release.features.names:
        expected = bits(pc.struct_field(replayed["features"], name))
        assert bits(table[f"feature.{name}"]) == expected
        assert any(value is not None for value in expected)
    for name in ("score", "model.own", "model.fraud"):
        assert bits(table[name]) == bits(replayed[name])
    assert table["model.fraud"].null_count not in (0, len(table))


def test_labels_come_with_the_time_from_which_they_are_known(
    config: pathlib.Path, with_labels: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    given = ("--replayed", with_labels, "--config", config, "--label-column", "bad", "--label-delay", "1d")
    table = exported(*given, out=tmp_path / "training.parquet")
    assert table["label"].to_pylist() == [int(amount > 90) for amount in table["event.amount"].to_pylist()]
    delays = pc.subtract(table["label_time"].cast(pa.int64()), table["event_time"].cast(pa.int64()))
    assert delays.unique().to_pylist() == [DAY_MS]
    assert table.schema.field("label").type == pa.int8()
    assert table.schema.field("label_time").type == pa.timestamp("ms", tz="UTC")


def test_a_file_whose_name_asks_for_lines_has_the_same_rows(
    config: pathlib.Path, with_labels: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(with_labels).slice(0, 60), tmp_path / "few.parquet")
    given = ("--replayed", tmp_path / "few.parquet", "--config", config, "--label-column", "bad", "--label-delay", "1d")
    table = exported(*given, out=tmp_path / "training.parquet")
    assert run(*given, "--out", tmp_path / "training.jsonl").exit_code == 0
    lines = [msgspec.json.decode(line) for line in (tmp_path / "training.jsonl").read_bytes().splitlines()]
    assert lines == msgspec.json.decode(msgspec.json.encode(table.to_pylist()))
    assert (len(lines), lines[0]["label_time"][10]) == (60, "T")


def test_labels_of_a_file_stand_at_their_events_and_the_latest_wins(
    config: pathlib.Path, with_labels: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    rows = [(9_005, 1, START_MS + 9 * DAY_MS), (9_005, 0, START_MS + 8 * DAY_MS), (9_006, 0, START_MS + 8 * DAY_MS), (1, 1, START_MS)]
    labels.write_bytes(b"".join(msgspec.json.encode({"event_id": id, "label": mark, "label_time": at}) + b"\n" for id, mark, at in rows))
    cut = tmp_path / "cut.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(with_labels).drop_columns(["bad"]), cut)
    table = exported("--replayed", cut, "--config", config, "--labels", labels, out=tmp_path / "training.parquet")
    labelled = table.filter(table["label"].is_valid()).select(["event_id", "label", "label_time"]).to_pylist()
    assert [(row["event_id"], row["label"], int(row["label_time"].timestamp() * 1000)) for row in labelled] == [
        ("9005", 1, START_MS + 9 * DAY_MS),
        ("9006", 0, START_MS + 8 * DAY_MS),
    ]


def test_rows_stand_in_order_and_the_newest_revision_of_an_event_is_marked(config: pathlib.Path, tmp_path: pathlib.Path) -> None:
    first = {"id": 10, "at": START_MS, "who": "u", "shop": "s1", "amount": 5}
    lines = [
        first,
        first | {"id": 9, "shop": ""},
        first | {"id": 100, "at": START_MS + 5},
        first | {"op": "correct", "amount": 7},
        first | {"id": 100, "at": START_MS + 5, "op": "retract"},
        first,
    ]
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    labels = tmp_path / "labels.csv"
    labels.write_text(f"event_id,label,label_time\n10,1,{START_MS + DAY_MS}\n100,1,{START_MS + DAY_MS}\n")
    table = exported("--replayed", events, "--config", config, "--labels", labels, out=tmp_path / "training.parquet")
    rows = table.select(["event_id", "revision", "newest", "event.amount", "entity.shop", "label", "flags"]).to_pylist()
    assert [tuple(row.values())[:6] for row in rows] == [
        ("9", 0, True, 5.0, None, None),
        ("10", 0, False, 5.0, "s1", 1),
        ("10", 1, True, 7.0, "s1", 1),
        ("100", 0, False, 5.0, "s1", None),  # an event that was taken back teaches nothing
        ("100", 1, True, 5.0, "s1", None),
    ]
    assert ["corrected" in row["flags"] for row in rows] == [False, False, True, False, False]
    assert ["retracted" in row["flags"] for row in rows] == [False, False, False, False, True]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "new.parquet"], "either --replayed or --served"),
        (["--served", "--replayed", "EVENTS", "--out", "new.parquet"], "either --replayed or --served"),
        (["--served", "--label-column", "bad", "--out", "new.parquet"], "only be used with --replayed"),
        (["--replayed", "EVENTS", "--out", "new.parquet"], "needs --config"),
        (["--replayed", "EVENTS", "--config", "CONFIG", "--from", "5", "--out", "new.parquet"], "only be used with --served"),
        (
            ["--replayed", "EVENTS", "--config", "CONFIG", "--labels", "EVENTS", "--label-column", "bad", "--out", "new.parquet"],
            "used together",
        ),
        (["--replayed", "EVENTS", "--config", "CONFIG", "--label-column", "worse", "--out", "new.parquet"], "missing label column"),
        (["--replayed", "nothing.parquet", "--config", "CONFIG", "--out", "new.parquet"], "does not exist"),
        (["--replayed", "EVENTS", "--config", "CONFIG", "--out", "EVENTS"], "say --overwrite"),
        (["--replayed", "EVENTS", "--config", "CONFIG", "--out", "no_folder/new.parquet"], "no such folder"),
        (["--served", "--from", "yesterday", "--out", "new.parquet"], "bad time"),
        (["--served", "--to", "2026-11-23T00:00:00", "--out", "new.parquet"], "time without offset"),
        (["--served", "--everything", "--out", "new.parquet"], "No such option"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_leaves_no_file(
    arguments: list[str],
    said: str,
    config: pathlib.Path,
    with_labels: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    result = run(*[{"EVENTS": str(with_labels), "CONFIG": str(config)}.get(each, each) for each in arguments])
    assert result.exit_code == 2
    assert said in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_an_existing_file_is_replaced_on_demand(config: pathlib.Path, with_labels: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "training.parquet"
    out.write_text("before")
    result = run("--replayed", with_labels, "--config", config, "--out", out, "--overwrite")
    assert result.exit_code == 0
    assert "rows        3,000" in result.output
    assert len(pyarrow.parquet.read_table(out)) == 3_000


@pytest.mark.slow
def test_the_label_of_the_highest_source_stands_in_features_and_exports_whatever_the_order_of_the_file(
    config: pathlib.Path, with_labels: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    labelled = [
        {"event_id": 9_005, "label": 1, "label_time": START_MS + 5 * DAY_MS, "source": "chargeback"},
        {"event_id": 9_005, "label": 0, "label_time": START_MS + 6 * DAY_MS, "source": "analyst", "weight": 2},
        {"event_id": 9_005, "label": 0, "label_time": START_MS + 7 * DAY_MS},
        {"event_id": 9_006, "label": 1, "label_time": START_MS + 5 * DAY_MS, "source": "rule"},
        {"event_id": 9_006, "label": 0, "label_time": START_MS + 5 * DAY_MS},
        {"event_id": 9_007, "label": 0, "label_time": START_MS + 5 * DAY_MS, "weight": -1},
    ]
    cut = tmp_path / "cut.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(with_labels).drop_columns(["bad"]), cut)
    for number, rows in enumerate((labelled, labelled[::-1])):
        labels = tmp_path / f"labels{number}.jsonl"
        labels.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        out = tmp_path / f"training{number}.parquet"
        table = exported("--replayed", cut, "--config", config, "--labels", labels, out=out)
        found = table.filter(table["label"].is_valid()).select(["event_id", "label"]).to_pylist()
        assert [tuple(row.values()) for row in found] == [("9005", 1), ("9006", 0)]
        assert len(pyarrow.parquet.read_table(tmp_path / f"training{number}.refused.parquet")) == 1
