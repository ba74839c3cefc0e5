"""Files of history: the same events in every format."""

import json
import pathlib

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from features.schema import read_schema
from pipeline.history import read_history, read_labels

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


@pytest.mark.parametrize("text", TEXTS)
def test_a_labels_time_may_be_a_text_with_any_fraction_of_a_second(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps({"event_id": "e", "label": 1, "label_time": text}) + "\n")
    assert read_labels(path, SCHEMA).times_ms.tolist() == [TIMES_MS[TEXTS.index(text)]]
