"""Files of history: the same events in every format."""

import json
import pathlib

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from features.schema.event import ADD, CORRECT, RETRACT
from features.schema.schema import read_schema
from foundation.refusal import Refusal
from pipeline.tables.event_files import read_history
from pipeline.tables.label_files import read_labels
from pipeline.tables.refused import RefusedRows

SCHEMA = read_schema("{id: id, time: {field: at, unit: rfc3339}, user: user, fields: {x: {type: float}}}")
TEXTS = ["2026-03-02T02:16:02Z", "2026-03-02T02:16:02.5Z", "2026-03-02T02:16:02.383565Z", "2026-03-02T04:16:02.38399+02:00"]
TIMES_MS = [1772417762000, 1772417762500, 1772417762383, 1772417762383]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_times_as_texts_are_the_same_milliseconds_in_every_format(tmp_path: pathlib.Path, suffix: str) -> None:
    rows = [{"id": str(number), "at": text, "user": "u", "x": 1.0} for number, text in enumerate(TEXTS)]
    path = tmp_path / f"events.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif suffix == "csv":
        pyarrow.csv.write_csv(pa.Table.from_pylist(rows), path)
    else:
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    assert read_history([path], SCHEMA, order="arrival").batch.times_ms.tolist() == TIMES_MS


RICH = read_schema("""
id: id
time: {field: at}
min_time: 1970-01-01
user: user
entities: [shop]
fields: {x: {type: float}, code: {type: string}, note: {type: string, required: false}}
""")
ROWS = [
    {"id": "a", "at": 5, "user": "007", "shop": "01", "x": 1.0, "code": "0123", "note": None, "op": "add"},
    {"id": "b", "at": 7, "user": "007", "shop": None, "x": 2.0, "code": "NA", "note": "n", "op": None},
    {"id": "a", "at": 5, "user": "007", "shop": "01", "x": 9.0, "code": "0124", "note": None, "op": "correct"},
    {"id": "c", "at": 8, "user": "u", "shop": "s", "x": 3.0, "code": "c", "note": None, "op": "add"},
    {"id": "b", "at": 7, "user": "007", "shop": None, "x": 2.0, "code": "NA", "note": "n", "op": "retract"},
]


def written(path: pathlib.Path, rows: list[dict[str, object]]) -> pathlib.Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({name: value for name, value in row.items() if value is not None}) + "\n" for row in rows))
    elif path.suffix == ".csv":
        pyarrow.csv.write_csv(pa.Table.from_pylist(rows), path)
    else:
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_texts_and_operations_are_the_same_in_every_format(tmp_path: pathlib.Path, suffix: str) -> None:
    batch = read_history([written(tmp_path / f"events.{suffix}", ROWS)], RICH, order="arrival").batch
    assert batch.texts == {"code": ["0123", "NA", "0124", "c", "NA"], "note": [None, "n", None, None, "n"]}
    assert batch.ops.tolist() == [ADD, ADD, CORRECT, ADD, RETRACT]
    assert batch.users == ["007", "007", "007", "u", "007"]
    assert batch.entities == {"shop": ["01", "", "01", "s", ""]}


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_correction_has_its_turn_at_the_newest_time_before_it(tmp_path: pathlib.Path, suffix: str) -> None:
    batch = read_history([written(tmp_path / f"events.{suffix}", ROWS)], RICH).batch
    assert list(zip(batch.ids, batch.ops.tolist(), strict=True)) == [("a", ADD), ("a", CORRECT), ("b", ADD), ("b", RETRACT), ("c", ADD)]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_an_unknown_operation_is_refused_with_its_row(tmp_path: pathlib.Path, suffix: str) -> None:
    rows = [ROWS[0], ROWS[1] | {"op": "delete"}]
    history = read_history([written(tmp_path / f"events.{suffix}", rows)], RICH)
    assert history.batch.ids == ["a"]
    assert [(each.row, each.refusal.where, each.refusal.got) for each in history.refused] == [(2, "op", "delete")]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_an_event_without_a_required_text_is_refused(tmp_path: pathlib.Path, suffix: str) -> None:
    history = read_history([written(tmp_path / f"events.{suffix}", [ROWS[0] | {"code": None}, ROWS[3]])], RICH)
    assert history.batch.ids == ["c"]
    assert [each.refusal.where for each in history.refused] == ["code"]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_another_content_is_another_body_in_every_format(tmp_path: pathlib.Path, suffix: str) -> None:
    rows = [ROWS[0], ROWS[0], ROWS[2], ROWS[2], ROWS[2] | {"code": "other"}, ROWS[2] | {"x": 8.0}]
    bodies = read_history([written(tmp_path / f"events.{suffix}", rows)], RICH, order="arrival").batch.body_keys.tolist()
    assert bodies[0] == bodies[1]
    assert bodies[2] == bodies[3]
    assert len(set(bodies)) == 4


def test_files_with_operations_are_merged_each_with_its_own_turns(tmp_path: pathlib.Path) -> None:
    one = written(tmp_path / "one.csv", ROWS[:3])
    other = written(tmp_path / "other.jsonl", [{**ROWS[3], "at": 6}])
    batch = read_history([one, other], RICH).batch
    assert list(zip(batch.ids, batch.times_ms.tolist(), strict=True)) == [("a", 5), ("c", 6), ("a", 5), ("b", 7)]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_label_column_labels_each_event_once(tmp_path: pathlib.Path, suffix: str) -> None:
    rows = [row | {"fraud": at} for at, row in enumerate([ROWS[0], ROWS[3] | {"at": 6}, ROWS[2]])]
    history = read_history([written(tmp_path / f"events.{suffix}", rows)], RICH, label_column="fraud")
    assert history.labels is not None
    assert history.labels.labels.tolist() == [0, 1]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_an_event_whose_label_is_null_has_none(tmp_path: pathlib.Path, suffix: str) -> None:
    rows = [ROWS[0] | {"fraud": None}, ROWS[3] | {"fraud": 1}]
    history = read_history([written(tmp_path / f"events.{suffix}", rows)], RICH, label_column="fraud")
    assert history.labels is not None
    assert history.labels.id_keys.tolist() == [history.batch.id_keys[history.batch.ids.index("c")]]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_label_that_is_neither_0_nor_1_is_refused_and_its_event_stays(tmp_path: pathlib.Path, suffix: str) -> None:
    path = written(tmp_path / f"events.{suffix}", [ROWS[0] | {"fraud": 0}, ROWS[3] | {"fraud": 3}])
    history = read_history([path], RICH, label_column="fraud")
    assert history.labels is not None
    assert (len(history.batch), history.labels.labels.tolist()) == (2, [0])
    assert [(each.row, each.refusal.what, each.refusal.where) for each in history.refused] == [(2, "unknown label", "fraud")]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("name", ["frud", "y.frud"])
def test_a_label_column_that_no_event_has_is_refused(tmp_path: pathlib.Path, suffix: str, name: str) -> None:
    path = written(tmp_path / f"events.{suffix}", [ROWS[0] | {"fraud": 0}])
    with pytest.raises(Refusal, match="missing label column"):
        read_history([path], RICH, label_column=name)


def test_a_label_may_stand_in_a_nested_field(tmp_path: pathlib.Path) -> None:
    rows = [ROWS[0] | {"y": {"fraud": 0}}, ROWS[3] | {"y": {"fraud": 1}}]
    for suffix in ("jsonl", "parquet"):
        labels = read_history([written(tmp_path / f"events.{suffix}", rows)], RICH, label_column="y.fraud").labels
        assert labels is not None
        assert labels.labels.tolist() == [0, 1]


@pytest.mark.parametrize("text", TEXTS)
def test_a_labels_time_may_be_a_text_with_any_fraction_of_a_second(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps({"event_id": "e", "label": 1, "label_time": text}) + "\n")
    assert read_labels(path, SCHEMA, RefusedRows()).times_ms.tolist() == [TIMES_MS[TEXTS.index(text)]]


PLAIN = read_schema("{id: id, time: {field: at}, user: user}")
UNREAD = {
    "a number of 5,000 digits": b"7" * 5_000,
    "a number beyond doubles": b"1e999",
    "a text that is no UTF-8": b'"\xff"',
    "lists in each other": b"[" * 500 + b"]" * 500,
}


@pytest.mark.parametrize("unread", UNREAD.values(), ids=UNREAD.keys())
def test_a_label_field_is_read_beside_fields_that_nobody_reads_whatever_these_hold(tmp_path: pathlib.Path, unread: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"id": "1", "at": 1700000000000, "user": "u", "other": ' + unread + b', "fraud": 1}\n')
    history = read_history([path], PLAIN, label_column="fraud")
    assert history.labels is not None
    assert (history.labels.labels.tolist(), len(history.batch)) == ([1], 1)


@pytest.mark.parametrize("label", UNREAD.values(), ids=UNREAD.keys())
def test_a_label_that_cannot_be_read_is_refused_and_its_event_stays(tmp_path: pathlib.Path, label: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"id": "1", "at": 1700000000000, "user": "u", "fraud": ' + label + b"}\n")
    history = read_history([path], PLAIN, label_column="fraud")
    assert ([each.refusal.what for each in history.refused], len(history.batch)) == (["unknown label"], 1)
