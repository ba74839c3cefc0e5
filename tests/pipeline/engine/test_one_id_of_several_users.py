"""An event is its user and its id: what a replay, a model and an export make of ids that several users have."""

import pathlib
import random
from collections import Counter

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from deploy.command import main
from features.schema.batch import Batch
from features.schema.decode import Decoder
from features.schema.schema import read_schema
from pipeline.engine.event_keys import NO_EVENT, SEVERAL_EVENTS, Labels, RecordedBatch, rows_of_labels

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
SCHEMA = """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
labels: {negative_after: 1d}
"""
TEXTS = {
    "schema": SCHEMA,
    "features": """
- {name: sum_1d, template: sum, value: event.amount, window: 1d}
- {name: risk_2d, template: label_rate, entity: shop, window: {length: 2d, delay: 1d}}
""",
    "models": """
- {name: fraud, kind: river, model: linear_model.LogisticRegression, learns: labels, publish_every: 1h, inputs: [feature.sum_1d]}
""",
    "policy": "score: first_ready(fraud)\nbands: [{below: 0.5, action: approve}, {action: block}]\nfallback: {action: review}\n",
}
USERS = 20


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "config"
    folder.mkdir()
    for part, text in TEXTS.items():
        (folder / f"{part}.yaml").write_text(text)
    return folder


def some_rows(each_user_counts: bool) -> dict[str, list[object]]:
    """Payments with a number each, over all users or of each user's own."""
    draw, counts = random.Random(7), Counter[str]()
    rows: dict[str, list[object]] = {name: [] for name in ("id", "at", "who", "shop", "amount", "bad")}
    for number, time_ms in enumerate(sorted(draw.sample(range(5 * DAY_MS), 3_000))):
        user = f"u{draw.randrange(USERS)}"
        counts[user] += 1
        amount = draw.randrange(9_999) / 100
        given = (counts[user] if each_user_counts else number, START_MS + time_ms, user, f"s{number % 3}", amount, int(amount > 90))
        for name, value in zip(rows, given, strict=True):
            rows[name].append(value)
    return rows


def weir(*arguments: object) -> str:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
@pytest.mark.parametrize("by_file", [False, True])
def test_users_that_count_their_own_events_are_scored_and_exported_as_if_all_ids_were_different(
    config: pathlib.Path, tmp_path: pathlib.Path, by_file: bool
) -> None:
    replays, exports = [], []
    for each_user_counts in (False, True):
        folder = tmp_path / str(each_user_counts)
        folder.mkdir()
        rows = some_rows(each_user_counts)
        events, given = folder / "events.parquet", ["--label-column", "bad", "--label-delay", "1h"]
        if by_file:
            labels = {"event_id": rows["id"], "user": rows["who"], "label": rows.pop("bad")}
            times = {"label_time": [time_ms + 3_600_000 for time_ms in rows["at"]]}  # type: ignore[operator]
            pyarrow.parquet.write_table(pa.table(labels | times), folder / "labels.parquet")
            given = ["--labels", folder / "labels.parquet"]
        pyarrow.parquet.write_table(pa.table(rows), events)
        said = weir("replay", events, "--config", config, *given, "--out", folder)
        weir("export", "--replayed", events, "--config", config, *given, "--out", folder / "training.parquet")
        replays.append(
            (pyarrow.parquet.read_table(folder / "decisions.parquet").drop_columns(["event_id"]), said[said.index("positives") :])
        )
        exports.append(pyarrow.parquet.read_table(folder / "training.parquet").drop_columns(["event_id"]))
    assert replays[0][0].equals(replays[1][0])
    assert replays[0][1] == replays[1][1]
    assert exports[0].equals(exports[1])
    assert exports[0]["label"].null_count == 0
    assert exports[0]["model.fraud"].null_count < len(exports[0]) / 2


def test_a_label_without_a_user_counts_only_where_one_user_has_its_id(config: pathlib.Path, tmp_path: pathlib.Path) -> None:
    rows = some_rows(each_user_counts=True)
    del rows["bad"]
    once = next(id for id, count in Counter(rows["id"]).items() if count == 1)
    pyarrow.parquet.write_table(pa.table(rows), tmp_path / "events.parquet")
    told = [(once, 1, START_MS + 6 * DAY_MS), (1, 1, START_MS + 6 * DAY_MS), (10**6, 1, START_MS + 6 * DAY_MS)]
    lines = [msgspec.json.encode({"event_id": id, "label": label, "label_time": time_ms}) + b"\n" for id, label, time_ms in told]
    (tmp_path / "labels.jsonl").write_bytes(b"".join(lines))
    given = ("--config", config, "--labels", tmp_path / "labels.jsonl", "--out")
    assert "1 labels that name no user" in weir("replay", tmp_path / "events.parquet", *given, tmp_path / "out")
    assert "1 labels that name no user" in weir("export", "--replayed", tmp_path / "events.parquet", *given, tmp_path / "training.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "training.parquet")
    assert table.filter(table["label"].is_valid())["event_id"].to_pylist() == [str(once)]


def test_a_label_finds_the_first_row_of_its_event() -> None:
    schema = read_schema(SCHEMA)
    decoder = Decoder(schema)
    named = [(5, "v"), (5, "u"), (7, "u"), (5, "v"), (7, "u")]
    given = [{"id": id, "at": START_MS + row, "who": user, "amount": 1} for row, (id, user) in enumerate(named)]
    events = [decoder.decode(msgspec.json.encode(each), 2**62) for each in given]
    wanted = [(5, "u"), (5, "v"), (5, None), (7, None), (7, "v"), (8, None), (7, "u")]
    count = len(wanted)
    users = [user for _, user in wanted]
    labels = Labels(np.array([id for id, _ in wanted], np.int64), np.ones(count, np.int8), np.arange(count), users)
    rows = rows_of_labels(RecordedBatch(Batch.of(events, schema)), labels)
    assert rows.tolist() == [1, 0, SEVERAL_EVENTS, 2, NO_EVENT, NO_EVENT, 2]
    assert rows_of_labels(RecordedBatch(Batch.of([], schema)), labels).tolist() == [NO_EVENT] * count
