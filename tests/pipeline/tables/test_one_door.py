"""Files of events and labels as people have them: what is wrong in one row costs that row, and what cannot be read is refused."""

import json
import pathlib

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from features.schema.schema import read_schema
from foundation.refusal import Refusal
from pipeline.tables.event_files import read_history
from pipeline.tables.label_files import labels_for
from pipeline.tables.refused import NAME, RefusedRows
from pipeline.tables.table_file import TableFile

AT = 1_767_884_551_090
EVENTS = "id: id\ntime: {field: ts}\nuser: user\nfields: {amount: {type: decimal, scale: 2}}"
SCHEMA = read_schema(EVENTS)
NUMBERED = read_schema(EVENTS.replace("id: id", "id: {field: id, type: integer}"))
ZONED = read_schema(EVENTS.replace("field: ts", "field: ts, unit: rfc3339"))
IN_SECONDS = read_schema(EVENTS.replace("field: ts", "field: ts, unit: s"))
HEADER = "id,ts,user,amount\n"


def csv_of(folder: pathlib.Path, content: str | bytes) -> pathlib.Path:
    path = folder / "events.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused_of(refused: RefusedRows) -> list[tuple[int, str, str]]:
    return [(each.row, each.refusal.where, each.refusal.got) for each in refused]


@pytest.mark.parametrize(
    ("row", "where", "got"),
    [
        (f"b,{AT},u,n.a.", "amount", "n.a."),
        (f'b,{AT},u,"1,00"', "amount", "1,00"),
        ("b,yesterday,u,1", "ts", "yesterday"),
        ("b,2026-01-08,u,1", "ts", "2026-01-08"),
        (f"b,{AT}", "row", "2"),
        (f"b,{AT},u,1,2", "row", "5"),
        (f"b,{AT},u,", "amount", "an event without it"),
        (f"b,{AT},,1", "user", "an event without it"),
    ],
)
def test_a_bad_row_of_csv_costs_that_row(tmp_path: pathlib.Path, row: str, where: str, got: str) -> None:
    history = read_history([csv_of(tmp_path, f"{HEADER}a,{AT},u,1.00\n\n{row}\nc,{AT},u,3.00\n")], SCHEMA)
    assert history.batch.ids == ["a", "c"]
    assert refused_of(history.refused) == [(2, where, got)]


def test_a_decimal_comma_is_refused_with_the_remedy(tmp_path: pathlib.Path) -> None:
    [refused] = read_history([csv_of(tmp_path, f"id;ts;user;amount\na;{AT};u;1,00\n")], SCHEMA).refused
    assert refused.refusal.remedy == "write decimals with a point"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_delimiter_is_found_and_a_byte_order_mark_passed_over(tmp_path: pathlib.Path, delimiter: str, mark: str) -> None:
    rows = [mark + delimiter.join(["id", "ts", "user", "amount"]), delimiter.join(["a", str(AT), "u", "1.00"])]
    assert read_history([csv_of(tmp_path, "\r\n".join(rows))], SCHEMA).batch.ids == ["a"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "empty file"),
        ("\ufeff\n", "empty file"),
        ("id,ts,user,amount,amount\n", "column given twice"),
        ("id,ts,user\n", "missing columns"),
        ((HEADER + f"a,{AT},u,1\n").encode("utf-16"), "not a text file"),
        (b"PAR1\x00\x15\x04", "not a text file"),
        (HEADER.replace("user", "us\xe9r").encode("latin-1"), "file not readable"),
    ],
)
def test_a_file_of_csv_that_cannot_be_read_is_refused_by_its_name(tmp_path: pathlib.Path, content: str | bytes, what: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_history([csv_of(tmp_path, content)], SCHEMA)
    assert (caught.value.what, caught.value.where) == (what, str(tmp_path / "events.csv"))


def test_a_row_in_another_encoding_costs_that_row_even_when_it_is_ragged(tmp_path: pathlib.Path) -> None:
    rows = [f"a,{AT},u,1", f"b,{AT},caf\xe9,1", f"c,{AT},caf\xe9", f"d,{AT},u,2"]
    history = read_history([csv_of(tmp_path, (HEADER + "\n".join(rows)).encode("latin-1"))], SCHEMA)
    assert history.batch.ids == ["a", "d"]
    assert sorted((each.row, each.refusal.what) for each in history.refused) == [(2, "not UTF-8"), (3, "wrong number of cells")]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 but no more of it", b"id,ts\n"])
def test_a_file_of_parquet_that_cannot_be_read_is_refused_by_its_name(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "events.parquet"
    path.write_bytes(content)
    with pytest.raises(Refusal, match=r"events\.parquet: file not readable: expected a Parquet file"):
        read_history([path], SCHEMA)


def parquet_of(folder: pathlib.Path, **columns: pa.Array) -> pathlib.Path:
    path = folder / "events.parquet"
    size = len(next(iter(columns.values())))
    given = {"id": [f"e{at}" for at in range(size)], "ts": [AT] * size, "user": ["u"] * size, "amount": [1.0] * size} | columns
    pyarrow.parquet.write_table(pa.table(given), path)
    return path


def test_whole_numbers_that_became_floats_are_whole_numbers(tmp_path: pathlib.Path) -> None:
    path = parquet_of(tmp_path, id=pa.array([1e15, 1234567890123456.0, 5.0, 6.0]), user=pa.array([4111111111111111.0, 7.0, None, 2.0**53]))
    history = read_history([path], NUMBERED)
    assert history.batch.ids == ["1000000000000000", "1234567890123456"]
    assert history.batch.users == ["4111111111111111", "7"]
    assert [(row, where) for row, where, _ in refused_of(history.refused)] == [(3, "user"), (4, "user")]


KINDS_OF_TEXT = [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.large_string()), pa.binary(), pa.large_binary()]


@pytest.mark.parametrize("kind", KINDS_OF_TEXT)
def test_texts_of_every_type_are_read_alike(tmp_path: pathlib.Path, kind: pa.DataType) -> None:
    texts = ["2026-01-08T15:02:31.090Z", "2026-01-08T16:02:31.090999+01:00", "2026-01-08T15:02:31"]
    column = pa.array(texts).cast(kind)
    history = read_history([parquet_of(tmp_path, ts=column)], ZONED)
    assert history.batch.times_ms.tolist() == [AT, AT]
    assert refused_of(history.refused) == [(3, "ts", texts[2])]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_beyond_the_years_of_a_date_are_refused_and_do_not_wrap(tmp_path: pathlib.Path, unit: str) -> None:
    column = pa.array([2**62, -(2**62), AT // 1000 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]], pa.timestamp(unit, "UTC"))
    history = read_history([parquet_of(tmp_path, ts=column)], SCHEMA)
    assert sorted(history.batch.times_ms.tolist()) == [AT // 1000 * 1000] + [2**62 // 10**6] * (unit == "ns")
    assert {where for _, where, _ in refused_of(history.refused)} == {"ts"}


@pytest.mark.parametrize(("schema", "good"), [(SCHEMA, True), (ZONED, False)])
def test_timestamps_without_a_zone_are_numbers_but_no_rfc_3339(tmp_path: pathlib.Path, schema: object, good: bool) -> None:
    history = read_history([parquet_of(tmp_path, ts=pa.array([AT], pa.timestamp("ms")))], schema)
    assert (len(history.batch), len(history.refused)) == (int(good), int(not good))


def test_seconds_with_a_fraction_keep_their_milliseconds_in_every_format(tmp_path: pathlib.Path) -> None:
    seconds = [1764059906.722, 1767884551.090, 1769581498.847]
    lines = "\n".join(json.dumps({"id": f"e{at}", "ts": value, "user": "u", "amount": 1}) for at, value in enumerate(seconds))
    (tmp_path / "events.jsonl").write_text(lines)
    paths = [tmp_path / "events.jsonl", parquet_of(tmp_path, ts=pa.array(seconds))]
    paths.append(csv_of(tmp_path, HEADER + "".join(f"e{at},{value},u,1\n" for at, value in enumerate(seconds))))
    for path in paths:
        assert read_history([path], IN_SECONDS).batch.times_ms.tolist() == [1764059906722, 1767884551090, 1769581498847]


def test_decimals_are_exact_whatever_their_type(tmp_path: pathlib.Path) -> None:
    for kind in (pa.decimal128(12, 4), pa.decimal256(40, 6), pa.float32(), pa.float64(), pa.string()):
        column = pa.array(["12.34", "1.10"]).cast(kind)
        assert read_history([parquet_of(tmp_path, amount=column)], SCHEMA).batch.numbers[:, 0].tolist() == [1234.0, 110.0]
    bad = read_history([parquet_of(tmp_path, amount=pa.array(["1.005", "1.00", "-0.001"]).cast(pa.decimal128(12, 3)))], SCHEMA)
    assert (bad.batch.ids, [row for row, _, _ in refused_of(bad.refused)]) == (["e1"], [1, 3])


@pytest.mark.parametrize("start", [b"[\n", b'[{"id"', b"\xef\xbb\xbf[{", b"\xff\xfe{\x00"])
def test_a_json_array_or_another_encoding_is_refused_by_the_files_name(tmp_path: pathlib.Path, start: bytes) -> None:
    path = tmp_path / "events.json"
    path.write_bytes(start + b'{"id": "a"}]')
    with pytest.raises(Refusal, match=r"events\.json: (a JSON array|not a text file)"):
        read_history([path], SCHEMA)


def test_lines_of_json_may_begin_with_a_byte_order_mark_and_one_may_be_too_long(tmp_path: pathlib.Path) -> None:
    good = json.dumps({"id": "a", "ts": AT, "user": "u", "amount": 1}).encode()
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\n" + b" " * 5_000_000 + b"x\n\n" + good.replace(b'"a"', b'"b"'))
    history = read_history([path], SCHEMA)
    assert history.batch.ids == ["a", "b"]
    assert [(each.row, each.refusal.what) for each in history.refused] == [(2, "event too large")]


def test_a_key_given_twice_is_refused_at_any_depth(tmp_path: pathlib.Path) -> None:
    good = f'{{{{"id": "a", "ts": {AT}, "user": "u", "amount": 1{{}}}}}}\n'
    more = ["", ', "amount": 2', ', "x": {"a": 1, "a": 2}', ', "\\u0061mount": 2', ', "x": {"id": "a:b"}', ', "x": [{}, {}]']
    path = tmp_path / "events.jsonl"
    path.write_text("".join(good.format(each) for each in more))
    history = read_history([path], SCHEMA, "arrival")
    assert refused_of(history.refused) == [(2, "amount", "amount"), (3, "a", "a"), (4, "amount", "amount")]


LATER = '{"event_id": "e1", "label": 0, "label_time": "2026-10-09T10:00:00Z"}'
LABELLED = [{"id": f"e{at}", "ts": AT + at, "user": "u", "amount": 1} for at in range(3)]


@pytest.mark.parametrize(
    ("content", "kept", "rows"),
    [
        ("", [], []),
        (f'{{"event_id": "e0", "label": "fraud", "label_time": {AT}}}', [], [1]),
        (f'{{"event_id": "e0", "label": null, "label_time": {AT}}}', [], [1]),
        ('{"event_id": "e0", "label": 1, "label_time": null}', [], [1]),
        ('{"event_id": "e0", "label": 1}', [], [1]),
        ('{"event_id": "e0", "label": 1, "label_time": "2026-10-09T10:00:00"}', [], [1]),
        (f'{{"event_id": "e0", "label": 1, "label_time": {AT // 1000}}}', [], [1]),
        (f'{{"event_id": "e0", "label": 1, "label_time": {AT - 1}}}', [], [1]),
        (f'{{"event_id": "e0", "label": 1, "label": 0, "label_time": {AT}}}', [], [1]),
        (f'{{"event_id": "e0", "label": 1, "label_time": {AT}}}\n{{"event_id": 5, "label": 1, "label_time": {AT}}}', [1], []),
        (f'{{"event_id": "e0", "label": 1, "label_time": {AT}}}\n{LATER}', [1, 0], []),
    ],
)
def test_labels_of_a_file_pass_the_checks_of_live_ones(tmp_path: pathlib.Path, content: str, kept: list[int], rows: list[int]) -> None:
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, LABELLED)))
    (tmp_path / "labels.jsonl").write_text(content)
    history = read_history([tmp_path / "events.jsonl"], SCHEMA)
    labels = labels_for(history, tmp_path / "labels.jsonl", SCHEMA)
    assert labels is not None
    assert (labels.labels.tolist(), [each.row for each in history.refused]) == (kept, rows)
    assert labels.unknown == content.count('"event_id": 5')


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_labels_of_tables_pass_the_checks_of_live_ones(tmp_path: pathlib.Path, suffix: str) -> None:
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, LABELLED)))
    times_ms = [AT, AT, AT + 9, AT + 9, AT]
    table = pa.table({"event_id": ["e0", "e1", "e2", "e2", "e9"], "label": [1.0, 0.0, None, 3.0, 1.0], "label_time": times_ms})
    path = tmp_path / f"labels.{suffix}"
    pyarrow.parquet.write_table(table, path) if suffix == "parquet" else pa.csv.write_csv(table, path)
    history = read_history([tmp_path / "events.jsonl"], SCHEMA)
    labels = labels_for(history, path, SCHEMA)
    assert labels is not None
    assert (labels.labels.tolist(), labels.unknown) == ([1], 1)
    assert sorted(each.row for each in history.refused) == [2, 3, 4]


def test_refused_rows_are_counted_by_reason_and_written_with_what_stood_there(tmp_path: pathlib.Path) -> None:
    path = csv_of(tmp_path, f"{HEADER}a,{AT},u,x\nb,{AT},u,y\nc,{AT}\n")
    refused = read_history([path], SCHEMA).refused
    assert [line.partition("  first")[0].split() for line in refused.summary()] == [["refused", "2"], ["refused", "1"]]
    assert f"first at {path} row 1: amount: not a decimal" in refused.summary()[0]
    refused.write(tmp_path / NAME)
    rows = sorted(pyarrow.parquet.read_table(tmp_path / NAME).to_pylist(), key=lambda row: row["row"])
    assert [(row["file"], row["row"], row["where"], row["got"]) for row in rows] == [
        (str(path), 1, "amount", "x"),
        (str(path), 2, "amount", "y"),
        (str(path), 3, "row", "2"),
    ]
    assert json.loads(rows[0]["original"]) == {"id": "a", "ts": AT, "user": "u", "amount": "x"}
    assert rows[2]["original"] == f"c,{AT}".encode()
    RefusedRows().write(tmp_path / NAME)
    assert not (tmp_path / NAME).exists()


def test_columns_may_be_nested_or_have_a_dotted_name(tmp_path: pathlib.Path) -> None:
    schema = read_schema(EVENTS + "\nentities: [card.id]")
    for columns in ({"card": pa.array([{"id": 5}, None])}, {"card.id": pa.array([5, None])}):
        path = parquet_of(tmp_path, **columns)
        assert TableFile(path, ["card.id"]).names == ["card.id"]
        assert read_history([path], schema).batch.entities == {"card.id": ["5", ""]}
