"""weir replay --archived and weir archive: the same answers as from a file, from whatever the archive's files look like."""

import pathlib
import random
import zlib

import msgspec
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from deploy.command import DEMO_CONFIG, main
from deploy.payments import Town
from stores.archive_encoding import day_of, encode_records
from stores.archive_place import open_archive
from stores.archive_rows import ArchivedRecord

START_MS = 1_764_000_000_000
PARTITIONS = 3


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def events() -> list[bytes]:
    """Payments over two days and a half, some of them corrected or taken back later, and a few lines that are no event."""
    town, draw = Town(3, customers=60, terminals=20), random.Random(3)
    times_ms = sorted(START_MS + draw.randrange(60 * 3_600_000) for _ in range(3_000))
    lines = [town.payment(at_ms).encode() for at_ms in times_ms]
    for at in (500, 1_500):
        lines.insert(at + 40, lines[at][:-1] + b',"op":"retract"}')
        lines.insert(at + 30, lines[at + 5][:-1] + b',"op":"correct"}')
    lines[100], lines[2_000] = b"no json", b'{"payment_id": 7}'
    return lines


def labels(lines: list[bytes]) -> list[bytes]:
    read = [msgspec.json.decode(line) for number, line in enumerate(lines) if number % 9 == 1 and number not in (100, 2_000)]
    return [
        msgspec.json.encode({"event_id": str(one["payment_id"]), "label": number % 5 == 0, "label_time": one["at"] + 7_200_000})
        .replace(b"true", b"1")
        .replace(b"false", b"0")
        for number, one in enumerate(read)
    ]


def put(archive: str, kind: str, lines: list[bytes], arrived_ms: list[int], a_file: int = 250) -> None:
    """As a job would write them, with what each file begins with written by the one before too."""
    ends = [0] * PARTITIONS
    rows = []
    for line, at_ms in zip(lines, arrived_ms, strict=True):
        partition = zlib.crc32(line[40:60]) % PARTITIONS if kind == "labels" else _partition(line)
        rows.append(ArchivedRecord(partition, ends[partition], at_ms, b"k", line))
        ends[partition] += 1
    store = open_archive(archive)
    for first in range(0, len(rows), a_file):
        part = rows[max(first - 10, 0) : first + a_file]
        for day in sorted({day_of(row.arrived_ms) for row in part}):
            store.put(kind, day, encode_records([row for row in part if day_of(row.arrived_ms) == day]))  # type: ignore[arg-type]


def _partition(line: bytes) -> int:
    _, found, rest = line.partition(b'"customer_id":')
    return zlib.crc32(rest.partition(b",")[0]) % PARTITIONS if found else 0


@pytest.fixture
def archive(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    place = str(tmp_path / "archive")
    monkeypatch.setenv("WEIR_ARCHIVE_URL", place)
    return place


def decisions(out: pathlib.Path) -> bytes:
    return (out / "decisions.parquet").read_bytes()


@pytest.mark.parametrize("order", ["time", "arrival"])
@pytest.mark.parametrize("compacted", [False, True])
def test_a_replay_of_the_archive_is_that_of_the_file_bit_for_bit(tmp_path: pathlib.Path, archive: str, order: str, compacted: bool) -> None:
    """In the order of time a correction goes by what was before it in its partition, so each partition is a file then."""
    lines = events()
    paths = [tmp_path / f"{partition}.jsonl" for partition in range(PARTITIONS if order == "time" else 1)]
    for partition, path in enumerate(paths):
        own_lines = [line for line in lines if order == "arrival" or _partition(line) == partition]
        path.write_bytes(b"\n".join(own_lines) + b"\n")
    known = labels(lines)
    (tmp_path / "labels.jsonl").write_bytes(b"\n".join(known) + b"\n")
    put(archive, "events", lines, [START_MS + 90_000 * number for number in range(len(lines))])
    put(archive, "labels", known, [START_MS + 400_000 * number for number in range(len(known))])
    if compacted:
        assert "days compacted" in run("archive", "compact").output
    given = ("--config", str(DEMO_CONFIG), "--order", order)
    files = run("replay", *map(str, paths), *("--labels", str(tmp_path / "labels.jsonl"), "--out", str(tmp_path / "a")), *given)
    own = run("replay", "--archived", "--out", str(tmp_path / "b"), *given)
    assert files.exit_code == own.exit_code == 0, files.output + own.output
    assert decisions(tmp_path / "a") == decisions(tmp_path / "b")
    assert pyarrow.parquet.read_metadata(tmp_path / "b" / "decisions.parquet").num_rows > 2_900
    assert without_rate(files.output) == without_rate(own.output)
    assert "refused 2" in own.output
    refused = [msgspec.json.decode(line) for line in (tmp_path / "b" / "dead_letters.jsonl").read_bytes().splitlines()]
    assert [one["file"] for one in refused] == ["events, partition 0"] * 2


def without_rate(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("rate")]


def test_only_what_arrived_in_the_span_is_replayed(tmp_path: pathlib.Path, archive: str) -> None:
    lines = [Town(3).payment(START_MS + number).encode() for number in range(20)]
    put(archive, "events", lines, [START_MS + 1_000 * number for number in range(20)], a_file=7)
    shown = run("replay", "--archived", "--config", str(DEMO_CONFIG), "--from", str(START_MS + 5_000), "--to", "2025-11-24T16:00:12Z")
    assert shown.output.startswith("events      7  refused 0"), shown.output


def test_an_empty_archive_is_refused_by_replay_and_listed_as_empty(archive: str) -> None:
    shown = run("replay", "--archived", "--config", str(DEMO_CONFIG))
    assert shown.exit_code == 2
    assert "no events" in shown.output
    assert run("archive", "list").output == f"archive     {archive}\nempty\n"


def test_the_list_counts_files_rows_and_bytes(archive: str) -> None:
    put(archive, "labels", [b"{}"] * 30, [START_MS] * 30, a_file=10)
    assert "labels     2025-11-24       3 files            50 rows" in run("archive", "list").output


def test_a_day_that_may_still_grow_is_left_alone(archive: str) -> None:
    from pipeline.archive_command import compact_archive
    from pipeline.settings import read_settings

    put(archive, "labels", [b"{}"] * 30, [START_MS] * 30, a_file=10)
    end_ms = 1_764_028_800_000
    said: list[str] = []
    assert compact_archive(read_settings(), said.append, end_ms + 3_599_999) == 0
    assert compact_archive(read_settings(), said.append, end_ms + 3_600_000) == 1
    assert "labels     2025-11-24       1 files            30 rows" in run("archive", "list").output


@pytest.mark.parametrize(
    "arguments", [("--archived", "events"), (), ("events", "--from", "5"), ("--archived", "--label-column", "fraud")], ids=str
)
def test_arguments_that_exclude_each_other_are_told(arguments: tuple[str, ...], tmp_path: pathlib.Path) -> None:
    (tmp_path / "events").touch()
    given = [str(tmp_path / "events") if one == "events" else one for one in arguments]
    shown = run("replay", *given, "--config", str(DEMO_CONFIG))
    assert shown.exit_code == 2
    assert "Usage" in shown.output
