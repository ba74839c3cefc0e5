"""What every archive keeps to; a new place joins `PLACES`."""

import pathlib
import random
from collections.abc import Callable, Iterator

import msgspec
import pyarrow.fs
import pytest

from deploy.hdfs import HdfsPorts, start_hdfs
from deploy.ports import free_ports
from deploy.processes import Processes
from features.refusal import Refusal
from stores.archive import decisions_of, records_of
from stores.archive_encoding import DAY_MS, KINDS, Kind, day_of, decision_of, encode_decisions, encode_records
from stores.archive_files import FileArchive
from stores.archive_place import open_archive
from stores.archive_rows import ArchivedDecision, ArchivedRecord

DAY = day_of(20_000 * DAY_MS)
START = 20_000 * DAY_MS
ALWAYS = (0, 1 << 60)


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real HDFS."""
    folder = tmp_path_factory.mktemp("hdfs")
    ports = HdfsPorts.around(free_ports(1)[0])
    with Processes() as processes:
        for process in start_hdfs(folder, folder / "logs", ports):
            processes.add(process)
        yield f"hdfs://127.0.0.1:{ports.name}"


def in_a_folder(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("tmp_path") / "archive")


def in_hdfs(request: pytest.FixtureRequest) -> str:
    return f"{request.getfixturevalue('hdfs')}/{random.getrandbits(64):x}/archive"


PLACES: dict[str, Callable[[pytest.FixtureRequest], str]] = {"folder": in_a_folder, "hdfs": in_hdfs}


@pytest.fixture(params=["folder", pytest.param("hdfs", marks=pytest.mark.integration)])
def archive(request: pytest.FixtureRequest) -> FileArchive:
    return open_archive(PLACES[request.param](request))


def record(offset: int, at_ms: int | None = None, partition: int = 0, value: bytes = b"{}", key: bytes = b"k") -> ArchivedRecord:
    return ArchivedRecord(partition, offset, START + offset if at_ms is None else at_ms, key, value)


def decision(offset: int, event_id: str | None = None, at_ms: int = START, revision: int = 0, partition: int = 0) -> ArchivedDecision:
    features = {"sum": offset / 3, "missing": None}
    fields = {"event_id": event_id or str(offset), "revision": revision, "event_time": at_ms, "user": "ü", "score": None}
    fields |= {"action": "review", "release": 3, "features": features, "flags": ["late"]}
    return decision_of(msgspec.json.encode(fields), partition, offset)


def records(archive: FileArchive, kind: Kind = "events", from_ms: int = 0, to_ms: int = 1 << 60) -> list[ArchivedRecord]:
    return [row for table in archive.read(kind, from_ms, to_ms) for row in records_of(table)]


def decisions(archive: FileArchive) -> list[ArchivedDecision]:
    return [row for table in archive.read("decisions", *ALWAYS) for row in decisions_of(table)]


def files_of(archive: FileArchive, kind: Kind, day: str) -> list[str]:
    return sorted(info.base_name for info in archive._list(f"{kind}/day={day}"))


def test_an_archive_in_which_nothing_is_yet_is_empty(archive: FileArchive) -> None:
    for kind in KINDS:
        assert archive.days(kind) == []
        assert list(archive.read(kind, *ALWAYS)) == []


def test_records_come_back_whole(archive: FileArchive) -> None:
    rows = [record(1, value=b"\x00\xffno json", key=b""), record(2, partition=3, value=b"")]
    archive.put("events", DAY, encode_records(rows))
    archive.put("labels", DAY, encode_records(rows[:1]))
    assert records(archive) == rows
    assert records(archive, "labels") == rows[:1]


def test_decisions_come_back_whole(archive: FileArchive) -> None:
    rows = [decision(1), decision(2, revision=4)]
    archive.put("decisions", DAY, encode_decisions(rows))
    assert decisions(archive) == rows
    assert rows[0].features == {"sum": 1 / 3, "missing": None}


def test_rows_come_by_time_then_partition_then_offset_however_they_lie_in_files(archive: FileArchive) -> None:
    rows = [
        record(offset, START + time, partition) for offset, (time, partition) in enumerate((t, p) for t in range(20) for p in (0, 1, 2))
    ]
    mixed = random.Random(1).sample(rows, len(rows))
    for first in range(0, len(mixed), 7):
        archive.put("events", DAY, encode_records(mixed[first : first + 7]))
    assert records(archive) == rows


def test_days_come_one_after_the_other_and_only_those_asked_for(archive: FileArchive) -> None:
    rows = [record(number, START + number * DAY_MS // 4) for number in range(16)]
    for row in reversed(rows):
        archive.put("events", day_of(row.arrived_ms), encode_records([row]))
    assert records(archive) == rows
    assert records(archive, from_ms=rows[3].arrived_ms, to_ms=rows[9].arrived_ms) == rows[3:9]
    assert records(archive, from_ms=rows[3].arrived_ms, to_ms=rows[3].arrived_ms) == []


def test_a_record_written_twice_is_read_once(archive: FileArchive) -> None:
    for _ in range(2):
        archive.put("events", DAY, encode_records([record(1), record(2)]))
    archive.put("events", DAY, encode_records([record(2), record(2, partition=1), record(3)]))
    assert records(archive) == [record(1), record(2), record(2, partition=1), record(3)]


def test_of_decisions_on_one_event_and_revision_the_first_is_read(archive: FileArchive) -> None:
    archive.put("decisions", DAY, encode_decisions([decision(9, "a"), decision(4, "b"), decision(7, "a", revision=1)]))
    archive.put("decisions", DAY, encode_decisions([decision(5, "a"), decision(6, "b")]))
    assert [(row.offset, row.event_id, row.revision) for row in decisions(archive)] == [(4, "b", 0), (5, "a", 0), (7, "a", 1)]


def test_only_columns_asked_for_are_read(archive: FileArchive) -> None:
    archive.put("decisions", DAY, encode_decisions([decision(1)]))
    [table] = archive.read("decisions", *ALWAYS, columns=("value",))
    assert table.column_names == ["value"]


def test_what_is_being_written_is_not_read(archive: FileArchive) -> None:
    archive.put("events", DAY, encode_records([record(1)]))
    image = encode_records([record(2)])
    for name in (".part-0.parquet.inprogress.7", "_part-1.parquet", ".part-1.parquet", "part-2.parquet.inprogress"):
        with archive._files.open_output_stream(archive._path(f"events/day={DAY}/{name}")) as file:
            file.write(image)
    assert records(archive) == [record(1)]
    assert [(day.files, day.rows) for day in archive.days("events")] == [(1, 1)]
    assert not archive.compact("events", DAY)


def test_what_there_is_is_counted_by_day(archive: FileArchive) -> None:
    images = [encode_records([record(1), record(2)]), encode_records([record(3)])]
    for image in images:
        archive.put("labels", DAY, image)
    archive.put("labels", day_of(START - DAY_MS), images[1])
    days = archive.days("labels")
    assert [(day.kind, day.day, day.files, day.rows) for day in days] == [("labels", day_of(START - 1), 1, 1), ("labels", DAY, 2, 3)]
    assert [day.bytes for day in days] == [len(images[1]), len(images[0]) + len(images[1])]


def test_a_file_that_is_not_the_archives_is_refused_by_name(archive: FileArchive) -> None:
    archive.put("events", DAY, b"no parquet")
    with pytest.raises(Refusal, match=r"part-\w+\.parquet: bad file in the archive"):
        records(archive)


@pytest.mark.parametrize("kind", ["events", "decisions"])
def test_a_compacted_day_is_one_file_with_the_same_rows(archive: FileArchive, kind: Kind) -> None:
    for first in range(0, 40, 4):
        offsets = [*range(first, first + 4), max(first - 1, 0)]
        rows = [record(offset) for offset in offsets], [decision(offset, at_ms=START + 50 - offset) for offset in offsets]
        archive.put(kind, DAY, encode_records(rows[0]) if kind == "events" else encode_decisions(rows[1]))
    before = [table.to_pylist() for table in archive.read(kind, *ALWAYS)]
    assert archive.compact(kind, DAY)
    assert [table.to_pylist() for table in archive.read(kind, *ALWAYS)] == before
    assert [(day.files, day.rows) for day in archive.days(kind)] == [(1, 40)]
    assert len(files_of(archive, kind, DAY)) == 1
    assert not archive.compact(kind, DAY)


def test_a_day_is_compacted_again_when_more_has_come(archive: FileArchive) -> None:
    for offset in (1, 2):
        archive.put("events", DAY, encode_records([record(offset)]))
    archive.compact("events", DAY)
    archive.put("events", DAY, encode_records([record(0)]))
    assert archive.compact("events", DAY)
    assert records(archive) == [record(0), record(1), record(2)]
    assert len(files_of(archive, "events", DAY)) == 1


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize(("operation", "calls"), [("move", 0), ("delete_file", 0), ("delete_file", 1), ("delete_file", 2)])
def test_a_compaction_killed_anywhere_loses_and_repeats_nothing(archive: FileArchive, operation: str, calls: int) -> None:
    for offset in range(3):
        archive.put("events", DAY, encode_records([record(offset)]))
    dying = FileArchive(pyarrow.fs.PyFileSystem(Dying(archive._files, operation, calls)), archive._root, "dying")
    with pytest.raises(Killed):
        dying.compact("events", DAY)
    assert records(archive) == [record(offset) for offset in range(3)]
    archive.compact("events", DAY)
    assert records(archive) == [record(offset) for offset in range(3)]
    assert len([name for name in files_of(archive, "events", DAY) if not name.startswith(".")]) == 1


class Dying(pyarrow.fs.FileSystemHandler):  # type: ignore[misc]
    """A file system whose user dies at a call: all that comes later does not happen."""

    def __init__(self, files: pyarrow.fs.FileSystem, operation: str, calls: int) -> None:
        self._files = files
        self._operation = operation
        self._left = calls
        self._dead = False

    def _do(self, operation: str, *arguments: object) -> None:
        if operation == self._operation:
            self._left -= 1
        self._dead = self._dead or self._left < 0
        if self._dead:
            raise Killed
        getattr(self._files, operation)(*arguments)

    def move(self, source: str, target: str) -> None:
        self._do("move", source, target)

    def delete_file(self, path: str) -> None:
        self._do("delete_file", path)

    def get_file_info(self, paths: list[str]) -> object:
        return self._files.get_file_info(paths)

    def get_file_info_selector(self, selector: pyarrow.fs.FileSelector) -> object:
        return self._files.get_file_info(selector)

    def open_input_file(self, path: str) -> object:
        return self._files.open_input_file(path)

    def open_output_stream(self, path: str, metadata: object) -> object:
        return self._files.open_output_stream(path)

    def normalize_path(self, path: str) -> str:
        return path

    def get_type_name(self) -> str:
        return "dying"

    create_dir = copy_file = delete_dir = delete_dir_contents = delete_root_dir_contents = None
    open_append_stream = open_input_stream = None


def test_a_file_merged_away_while_it_is_read_is_read_from_the_merged_one(archive: FileArchive) -> None:
    from stores import archive_merging

    for first in range(0, 60, 10):
        archive.put("events", DAY, encode_records([record(offset) for offset in range(first, first + 10)]))
    original, archive_merging.ROWS_A_GROUP = archive_merging.ROWS_A_GROUP, 10
    try:
        tables = archive.read("events", *ALWAYS)
        rows = records_of(next(tables))
        archive.compact("events", DAY)
        rows += [row for table in tables for row in records_of(table)]
    finally:
        archive_merging.ROWS_A_GROUP = original
    assert rows == [record(offset) for offset in range(60)]


def test_what_a_killed_compaction_left_goes_a_day_later(tmp_path: pathlib.Path) -> None:
    now_ms = 3.0 * DAY_MS
    archive = FileArchive(pyarrow.fs.LocalFileSystem(), str(tmp_path), "here", lambda: now_ms)
    archive.put("events", DAY, encode_records([record(1)]))
    folder = tmp_path / "events" / f"day={DAY}"
    for name in (f".merging-{int(now_ms) - DAY_MS - 1}-a", f".merging-{int(now_ms)}-b", ".part-1.parquet.inprogress"):
        (folder / name).write_bytes(b"")
    archive.compact("events", DAY)
    assert sorted(path.name[:22] for path in folder.iterdir() if path.name.startswith(".")) == [
        f".merging-{int(now_ms)}-b",
        ".part-1.parquet.inprog",
    ]


@pytest.mark.parametrize("url", ["ftp://host/x", "hdfs://host:1", "s3://b/x?color=red", "hdfs:///x"])
def test_a_place_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Refusal, match="bad archive"):
        open_archive(url)
