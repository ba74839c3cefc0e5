"""weir replay --archived and weir archive: the answers of the file, whatever the archive's files look like."""

import pathlib
import random
import zlib

import msgspec
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from deploy.command import DEMO_CONFIG, main
from deploy.demo.payments import Town
from foundation.settings import read_settings
from pipeline.sinks.archive_command import compact_archive
from stores.archive.archive import open_archive
from stores.archive.archive_encoding import day_of, encode_records, folder_of
from stores.archive.archive_rows import ArchivedRecord, Kind

START_MS = 1_764_000_000_000
END_OF_FIRST_DAY_MS = 1_764_028_800_000
FIRST_ARRIVAL_MS = START_MS + 3 * 3_600_000
"""Few events lie unevenly: from here on none comes before its own time."""
PARTITIONS = 3


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def partition_of(line: bytes) -> int:
    _, found, rest = line.partition(b'"customer_id":')
    return zlib.crc32(rest.partition(b",")[0]) % PARTITIONS if found else 0


def events() -> list[bytes]:
    """Payments of two days and a half, some corrected or taken back later, and two lines that are no event."""
    town, draw = Town(3, customers=60, terminals=20), random.Random(3)
    lines = [town.payment(at_ms).encode() for at_ms in sorted(START_MS + draw.randrange(60 * 3_600_000) for _ in range(1_000))]
    for at in (200, 600):
        lines.insert(at + 40, lines[at][:-1] + b',"op":"retract"}')
        lines.insert(at + 30, lines[at + 5][:-1] + b',"op":"correct"}')
    lines[100], lines[700] = b"no json", b'{"payment_id": 7}'
    return lines


def labels(lines: list[bytes]) -> list[bytes]:
    read = [msgspec.json.decode(line) for number, line in enumerate(lines) if number % 9 == 1 and number not in (100, 700)]
    given = [
        {"event_id": str(one["payment_id"]), "label": int(number % 5 == 0), "label_time": one["at"] + 7_200_000}
        for number, one in enumerate(read)
    ]
    return [msgspec.json.encode(label) for label in given]


def put(kind: Kind, lines: list[bytes], arrived_ms: list[int], a_file: int = 84) -> None:
    """As a job writes them, but that each file begins with rows that the one before has too."""
    archive, ends = open_archive(read_settings().archive_place()), [0] * PARTITIONS
    rows = []
    for line, at_ms in zip(lines, arrived_ms, strict=True):
        partition = partition_of(line)
        rows.append(ArchivedRecord(partition, ends[partition], at_ms, b"k", line))
        ends[partition] += 1
    for first in range(0, len(rows), a_file):
        part = rows[max(first - 10, 0) : first + a_file]
        for day in sorted({day_of(row.at_ms) for row in part}):
            folder = f"{archive.root}/{folder_of(kind, day)}"
            archive.files.create_dir(folder, recursive=True)
            with archive.files.open_output_stream(f"{folder}/part-{first}.parquet") as out:
                out.write(encode_records([row for row in part if day_of(row.at_ms) == day]))


@pytest.fixture(autouse=True)
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = (tmp_path / "an archive").as_uri()
    monkeypatch.setenv("WEIR_ARCHIVE_URL", url)
    return url


def without_rate(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(("rate", "refused"))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "compacted"),
    [
        ("time", True),
        ("arrival", False),
        pytest.param("time", False, marks=pytest.mark.deep),
        pytest.param("arrival", True, marks=pytest.mark.deep),
    ],
)
def test_a_replay_of_the_archive_is_that_of_the_files_bit_for_bit(tmp_path: pathlib.Path, order: str, compacted: bool) -> None:
    """A correction's turn goes by its partition, so each partition is a file in the order of time."""
    lines = events()
    paths = [tmp_path / f"{partition}.jsonl" for partition in range(PARTITIONS if order == "time" else 1)]
    for partition, path in enumerate(paths):
        path.write_bytes(b"".join(line + b"\n" for line in lines if order == "arrival" or partition_of(line) == partition))
    known = labels(lines)
    (tmp_path / "labels.jsonl").write_bytes(b"\n".join(known) + b"\n")
    put("events", lines, [FIRST_ARRIVAL_MS + 270_000 * number for number in range(len(lines))])
    put("labels", known, [FIRST_ARRIVAL_MS + 1_200_000 * number for number in range(len(known))])
    if compacted:
        assert "4 days compacted" in run("archive", "compact").output
    given = ("--config", str(DEMO_CONFIG), "--order", order)
    files = run("replay", *map(str, paths), "--labels", str(tmp_path / "labels.jsonl"), "--out", str(tmp_path / "a"), *given)
    archived = run("replay", "--archived", "--out", str(tmp_path / "b"), *given)
    assert files.exit_code == archived.exit_code == 0, files.output + archived.output
    assert (tmp_path / "a" / "decisions.parquet").read_bytes() == (tmp_path / "b" / "decisions.parquet").read_bytes()
    assert pyarrow.parquet.read_metadata(tmp_path / "b" / "decisions.parquet").num_rows > 960
    assert without_rate(files.output) == without_rate(archived.output)
    assert "refused 2" in archived.output
    refused = pyarrow.parquet.read_table(tmp_path / "b" / "refused.parquet").to_pylist()
    assert [one["file"] for one in refused] == ["events/0"] * 2


def test_a_clock_that_was_set_back_changes_no_order_of_arrival(tmp_path: pathlib.Path) -> None:
    town = Town(3, customers=2, terminals=2)
    lines = [town.payment(START_MS + 1_000 * number).encode() for number in range(60)]
    lines = [line for line in lines if partition_of(line) == partition_of(lines[0])]
    put("events", lines, [START_MS + 90_000_000 - (2_000_000 if number > 9 else 0) + number for number in range(len(lines))])
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines))
    given = ("--config", str(DEMO_CONFIG), "--order", "arrival", "--out")
    assert run("replay", str(tmp_path / "events.jsonl"), *given, str(tmp_path / "a")).exit_code == 0
    assert run("replay", "--archived", *given, str(tmp_path / "b")).exit_code == 0
    assert (tmp_path / "a" / "decisions.parquet").read_bytes() == (tmp_path / "b" / "decisions.parquet").read_bytes()


def test_only_what_arrived_in_the_span_is_replayed() -> None:
    town = Town(3)
    put("events", [town.payment(START_MS + n).encode() for n in range(20)], [START_MS + 1_000 * n for n in range(20)], a_file=7)
    shown = run("replay", "--archived", "--config", str(DEMO_CONFIG), "--from", str(START_MS + 5_000), "--to", "2025-11-24T16:00:12Z")
    assert shown.output.startswith("events      7  refused 0"), shown.output


def test_an_event_too_far_ahead_of_its_arrival_is_refused_as_in_the_stream() -> None:
    town = Town(3)
    put("events", [town.payment(START_MS).encode(), town.payment(START_MS + 3_600_000).encode()], [START_MS, START_MS + 1])
    assert run("replay", "--archived", "--config", str(DEMO_CONFIG)).output.startswith("events      1  refused 1")


def test_labels_that_are_none_are_counted() -> None:
    put("events", [Town(3).payment(START_MS).encode()], [START_MS])
    put("labels", [b"nonsense", b'{"event_id": "x", "label": 2, "label_time": 5}'], [START_MS] * 2)
    assert "2 bad labels" in run("replay", "--archived", "--config", str(DEMO_CONFIG)).output


def test_an_empty_archive_is_refused_by_replay_and_listed_as_empty(place: str) -> None:
    shown = run("replay", "--archived", "--config", str(DEMO_CONFIG))
    assert shown.exit_code == 2
    assert "no events" in shown.output
    assert run("archive", "list").output.split() == ["archive", place, "empty"]


def listed() -> list[list[str]]:
    """The first six words of each line of the archive's list."""
    return [line.split()[:6] for line in run("archive", "list").output.splitlines()]


def test_the_list_counts_files_rows_and_bytes() -> None:
    put("labels", [b"{}"] * 30, [START_MS] * 30, a_file=10)
    assert ["labels", "2025-11-24", "3", "files", "50", "rows"] in listed()


def test_a_day_that_may_still_grow_is_not_compacted() -> None:
    put("labels", [b"{}"] * 30, [START_MS] * 30, a_file=10)
    said: list[str] = []
    assert compact_archive(read_settings(), said.append, END_OF_FIRST_DAY_MS + 3_599_999) == 0
    assert compact_archive(read_settings(), said.append, END_OF_FIRST_DAY_MS + 3_600_000) == 1
    assert ["labels", "2025-11-24", "1", "files", "30", "rows"] in listed()


@pytest.mark.parametrize(
    "arguments", [("--archived", "events"), (), ("events", "--from", "5"), ("--archived", "--label-column", "fraud")], ids=str
)
def test_arguments_that_exclude_each_other_are_told(arguments: tuple[str, ...], tmp_path: pathlib.Path) -> None:
    (tmp_path / "events").touch()
    given = [str(tmp_path / "events") if one == "events" else one for one in arguments]
    shown = run("replay", *given, "--config", str(DEMO_CONFIG))
    assert shown.exit_code == 2
    assert "Usage" in shown.output
