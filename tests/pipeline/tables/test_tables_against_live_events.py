"""One door: a row of a table is the event that the same JSON would have been, or is refused in the same words."""

import csv
import json
import pathlib
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_rows import (
    FLOATS,
    MOMENTS,
    ROWS,
    TEXTS,
    TIME,
    TIMES,
    WHOLES,
    json_of_text,
    json_of_value,
    kinds_of,
    object_of,
    said_live,
    said_of,
    schema_of,
)

from foundation.refusal import Refusal
from pipeline.tables.event_files import read_history

pytestmark = pytest.mark.slow


def cells_of(draw: random.Random, kind: str, unit: str) -> tuple[pa.DataType, list[Any]]:
    """A physical type of a column, and values that it may hold."""
    texts = draw.choice([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.binary()])
    choices: list[tuple[pa.DataType, list[Any]]] = [(pa.int64(), WHOLES), (pa.float64(), FLOATS)]
    if kind == "time" and unit == "rfc3339":
        choices += [(texts, MOMENTS)] * 6
    elif kind == "time":
        choices = [(pa.int64(), TIMES[unit])] * 6 + [(pa.float64(), [*map(float, TIMES[unit]), 1767884551.09, 1764059906.722])] + choices
    elif kind in ("text", "key"):
        choices += [(texts, TEXTS)] * 4
    elif kind == "boolean":
        choices += [(pa.bool_(), [True, False])] * 4 + [(pa.int8(), [0, 1, 7])]
    else:
        choices += [(texts, TEXTS), (pa.bool_(), [True, False]), (pa.float64(), [1.0, 2.5, 12.34]), (pa.int32(), [1, 2, 3])]
    return draw.choice(choices)


LONG = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LONG
@given(st.integers(0, 2**32), st.sampled_from(["string", "integer"]), st.sampled_from(["ms", "us", "s", "rfc3339"]))
def test_a_row_of_parquet_is_what_the_same_json_is_live(tmp_path: pathlib.Path, seed: int, id_type: str, unit: str) -> None:
    draw, schema = random.Random(seed), schema_of(id_type, unit)
    columns, parts = {}, [{} for _ in range(ROWS)]
    for name, kind in kinds_of(id_type).items():
        type_, pool = cells_of(draw, kind, unit)
        gaps = draw.choice([0.0, 0.0, 0.1])
        values = [None if draw.random() < gaps else draw.choice(pool) for _ in range(ROWS)]
        if type_ == pa.binary():
            values = [None if value is None else value.encode() for value in values]
        columns[name] = pa.array(values, type_)
        for row, value in enumerate(values):
            found = json_of_value(value, kind, unit)
            if found is not ...:
                parts[row][name] = json.dumps(found)
    path = tmp_path / "events.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    assert said_of(read_history([path], schema, "arrival")) == said_live(schema, list(map(object_of, parts)))


@LONG
@given(
    st.integers(0, 2**32),
    st.sampled_from(["string", "integer"]),
    st.sampled_from(["ms", "us", "s", "rfc3339"]),
    st.sampled_from(",;\t|"),
    st.booleans(),
)
def test_a_row_of_csv_is_what_the_same_json_is_live(
    tmp_path: pathlib.Path, seed: int, id_type: str, unit: str, delimiter: str, marked: bool
) -> None:
    draw, schema = random.Random(seed), schema_of(id_type, unit)
    kinds = kinds_of(id_type)
    pools = {name: [str(value) for value in cells_of(draw, kind, unit)[1]] + [""] * draw.choice([0, 1]) for name, kind in kinds.items()}
    rows = [{name: draw.choice(pool) for name, pool in pools.items()} for _ in range(ROWS)]
    path = tmp_path / "events.csv"
    with path.open("w", encoding="utf-8-sig" if marked else "utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(kinds)
        writer.writerows([list(row.values()) for row in rows])
    lines = []
    for row in rows:
        parts = {name: json_of_text(text, kinds[name], unit) for name, text in row.items()}
        lines.append(object_of({name: part for name, part in parts.items() if part}))
    assert said_of(read_history([path], schema, "arrival")) == said_live(schema, lines)


def good_file(folder: pathlib.Path, suffix: str) -> bytes:
    rows = [{"id": f"e{n}", "at": TIME + n, "user": "u", "amount": 1.0, "items": n, "online": True} for n in range(40)]
    table = pa.Table.from_pylist(rows)
    if suffix == "parquet":
        pyarrow.parquet.write_table(table, folder / "good", compression="none")
        return (folder / "good").read_bytes()
    if suffix == "csv":
        return "\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]).encode()
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@LONG
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_never_crashes(tmp_path: pathlib.Path, suffix: str, data: st.DataObject) -> None:
    whole = bytearray(good_file(tmp_path, suffix))
    for _ in range(data.draw(st.integers(0, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged.{suffix}"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    try:
        history = read_history([path], schema_of("string", "ms"), label_column=data.draw(st.sampled_from(["", "online"])))
    except Refusal as refusal:
        assert str(path) in refusal.where  # noqa: PT017 - one or the other
    else:
        assert len(history.batch) + len(history.refused) <= 200
