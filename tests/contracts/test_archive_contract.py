"""What an archive keeps to, wherever its files are; a new place joins `PLACES`."""

import io
import random
from collections.abc import Callable

import msgspec
import pyarrow.parquet
import pytest

from foundation.refusal import Refusal
from stores.archive import archive_compaction, archive_merging
from stores.archive.archive import open_archive
from stores.archive.archive_compaction import compact
from stores.archive.archive_encoding import day_of, decode_decision, encode_decisions, encode_records, file_of, folder_of
from stores.archive.archive_files import FileArchive
from stores.archive.archive_rows import ADDED, DAY_MS, DECISIONS, ArchivedRecord, Kind, older_schemas_of
from stores.decisions import StoreUnavailableError

START_MS = 1_700_006_400_000
"""Noon of a UTC day."""


def on_this_machine(request: pytest.FixtureRequest) -> str:
    return (request.getfixturevalue("tmp_path") / "archive").as_uri()


def on_hdfs(request: pytest.FixtureRequest) -> str:
    return f"{request.getfixturevalue('hdfs').url}/contract/{request.node.name}"


def on_s3(request: pytest.FixtureRequest) -> str:
    return f"{request.getfixturevalue('s3')}/contract/{request.node.name}"


PLACES: dict[str, Callable[[pytest.FixtureRequest], str]] = {"files": on_this_machine, "hdfs": on_hdfs, "s3": on_s3}


@pytest.fixture(params=["files", *(pytest.param(name, marks=pytest.mark.integration) for name in ("hdfs", "s3"))])
def archive(request: pytest.FixtureRequest) -> FileArchive:
    return open_archive(PLACES[request.param](request))


def record(offset: int, partition: int = 0, at_ms: int = START_MS, value: bytes = b"{}") -> ArchivedRecord:
    return ArchivedRecord(partition, offset, at_ms, b"key", value)


def add(archive: FileArchive, kind: Kind, day: str, name: str, file: bytes) -> None:
    """A file as Flink's sink leaves it."""
    folder = f"{archive.root}/{folder_of(kind, day)}"
    archive.files.create_dir(folder, recursive=True)
    with archive.files.open_output_stream(f"{folder}/{name}") as out:
        out.write(file)


def places(archive: FileArchive, kind: Kind = "events", from_ms: int | None = None, to_ms: int | None = None) -> list[tuple[int, int]]:
    tables = archive.read(kind, from_ms, to_ms)
    return [place for table in tables for place in zip(table["partition"].to_pylist(), table["offset"].to_pylist(), strict=True)]


def test_an_archive_without_files_is_empty(archive: FileArchive) -> None:
    assert archive.days("events") == []
    assert places(archive) == []


def test_times_that_a_producer_made_up_are_kept_as_they_were(archive: FileArchive) -> None:
    """A broker takes any time of the past as a record's own."""
    times_ms = [-(10**16), -1, START_MS, 1_700_000_000_000_000]
    for offset, at_ms in enumerate(times_ms):
        add(archive, "events", day_of(at_ms), f"part-{offset}.parquet", encode_records([record(offset, at_ms=at_ms)]))
    assert [day.day for day in archive.days("events")] == ["1970-01-01", day_of(START_MS), "9999-12-31"]
    compact(archive, "events", "1970-01-01")
    assert places(archive) == [(0, offset) for offset in range(4)]
    [table] = archive.read("events", from_ms=START_MS + 1)
    assert table["at"].cast("int64").to_pylist() == times_ms[-1:]


def test_records_come_back_as_they_were_whatever_their_bytes(archive: FileArchive) -> None:
    values = [b"", b"\0\xff", b"{", "ü".encode(), random.Random(1).randbytes(100_000)]
    add(archive, "events", day_of(START_MS), "part-1.parquet", encode_records([record(at, value=each) for at, each in enumerate(values)]))
    [table] = archive.read("events")
    assert table["value"].to_pylist() == values
    assert table["key"].to_pylist() == [b"key"] * len(values)


def test_rows_come_by_day_time_and_place(archive: FileArchive) -> None:
    rows = [record(offset, offset % 3, START_MS + offset * 7_919_000 % (3 * DAY_MS)) for offset in range(500)]
    random.Random(7).shuffle(rows)
    for number in range(0, 500, 100):
        for day in {day_of(row.at_ms) for row in rows[number : number + 100]}:
            mine = [row for row in rows[number : number + 100] if day_of(row.at_ms) == day]
            add(archive, "events", day, f"part-{number}.parquet", encode_records(mine))
    expected = sorted(rows, key=lambda row: (row.at_ms, row.partition, row.offset))
    assert places(archive) == [(row.partition, row.offset) for row in expected]
    assert sum(day.rows for day in archive.days("events")) == 500


def test_records_of_changes_are_read_in_tables_of_a_bounded_size_however_large_they_are(
    archive: FileArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_merging, "BYTES_AT_ONCE", 50_000)
    for offset in range(20):
        rows = [record(offset, at_ms=START_MS + offset, value=bytes(10_000))]
        add(archive, "models", day_of(START_MS), f"part-{offset}.parquet", encode_records(rows))
    assert places(archive, "models") == [(0, offset) for offset in range(20)]
    assert max(len(table) for table in archive.read("models")) <= 6


def test_the_first_moment_belongs_to_a_span_and_the_last_one_does_not(archive: FileArchive) -> None:
    for day in range(3):
        rows = [record(10 * day + hour, at_ms=START_MS + day * DAY_MS + hour * 3_600_000) for hour in range(3)]
        add(archive, "events", day_of(rows[0].at_ms), "part-1.parquet", encode_records(rows))
    at_ms = START_MS + DAY_MS + 3_600_000
    assert places(archive, from_ms=at_ms) == [(0, 11), (0, 12), (0, 20), (0, 21), (0, 22)]
    assert places(archive, to_ms=at_ms) == [(0, 0), (0, 1), (0, 2), (0, 10)]
    assert places(archive, from_ms=at_ms, to_ms=at_ms + 1) == [(0, 11)]
    assert places(archive, from_ms=at_ms, to_ms=at_ms) == []


def test_files_of_decisions_from_before_there_were_all_columns_are_read_and_merged_beside_newer_ones(archive: FileArchive) -> None:
    oldest = {"event_id": "0", "revision": 0, "event_time": START_MS, "user": "u", "score": 0.5, "action": "approve", "release": 1}
    match = {"pattern": "testing", "version": "3", "action": "review", "shadow": True, "values": {"seen": 4.0}}
    older = oldest | {"event_id": "1", "decided_by": "score", "matches": [match], "match_count": 5}
    newest = older | {"event_id": "2", "probability": 0.3, "probability_interval": [0.2, 0.5]}
    for number, (each, schema) in enumerate(zip((oldest, older, newest), (*older_schemas_of("decisions"), DECISIONS), strict=True)):
        rows = [record(number, value=msgspec.json.encode(each))]
        table = pyarrow.parquet.read_table(io.BytesIO(encode_decisions(rows, [decode_decision(row.value) for row in rows])))
        add(archive, "decisions", day_of(START_MS), f"part-{number}.parquet", file_of(table.select(schema.names).cast(schema)))
    del match["values"]
    matched, nothing = ("score", [match], 5), (None, None, None)
    wanted = [(*nothing, *nothing), (*matched, *nothing), (*matched, 0.3, 0.2, 0.5)]
    for merge in (False, True):
        if merge:
            compact(archive, "decisions", day_of(START_MS))
        [table] = archive.read("decisions")
        assert [tuple(row[name] for names in ADDED for name in names) for row in table.to_pylist()] == wanted
        assert table.schema.equals(DECISIONS)


def test_a_record_that_was_written_twice_is_there_once(archive: FileArchive) -> None:
    day = day_of(START_MS)
    add(archive, "events", day, "part-1.parquet", encode_records([record(1), record(2)]))
    add(archive, "events", day, "part-2.parquet", encode_records([record(2), record(3), record(2, partition=1)]))
    assert places(archive) == [(0, 1), (0, 2), (0, 3), (1, 2)]


def test_files_that_have_no_name_yet_are_not_there(archive: FileArchive) -> None:
    day = day_of(START_MS)
    add(archive, "events", day, "part-1.parquet", encode_records([record(1)]))
    add(archive, "events", day, ".part-2.parquet.inprogress.1", b"half a f")
    add(archive, "events", day, "_SUCCESS", b"")
    assert places(archive) == [(0, 1)]


def test_a_file_that_is_none_is_named(archive: FileArchive) -> None:
    add(archive, "events", day_of(START_MS), "part-1.parquet", b"no Parquet")
    with pytest.raises(Refusal, match="part-1"):
        places(archive)


def test_decisions_have_their_features_as_columns(archive: FileArchive) -> None:
    values = [
        msgspec.json.encode(
            {
                "event_id": f"e{n}", "revision": n % 2, "event_time": START_MS + n, "user": "u", "score": None if n == 2 else 0.25,
                "action": "approve", "release": 3, "features": {"count": float(n), "mean": None} if n else {}, "more": [1],
            }
        )
        for n in range(4)
    ]  # fmt: skip
    rows = [record(n, value=value) for n, value in enumerate(values)]
    add(archive, "decisions", day_of(START_MS), "part-1.parquet", encode_decisions(rows, [decode_decision(value) for value in values]))
    [table] = archive.read("decisions", START_MS + 1, START_MS + 3)
    assert table["event_id"].to_pylist() == ["e1", "e2"]
    assert table["score"].to_pylist() == [0.25, None]
    assert [dict(each) for each in table["features"].to_pylist()] == [{"count": 1.0, "mean": None}, {"count": 2.0, "mean": None}]
    assert table["value"].to_pylist() == values[1:3]


def decision_file(*decisions: tuple[int, str, int, float], user: str = "u") -> bytes:
    """Offset, event id, revision and score of each."""
    rows = []
    for offset, event_id, revision, score in decisions:
        fields = {"event_id": event_id, "revision": revision, "event_time": START_MS, "user": user, "score": score, "action": "review"}
        rows.append(record(offset, value=msgspec.json.encode(fields | {"release": 1})))
    return encode_decisions(rows, [decode_decision(row.value) for row in rows])


def test_of_decisions_on_one_event_and_revision_the_first_is_there_wherever_the_others_are(archive: FileArchive) -> None:
    add(archive, "decisions", day_of(START_MS), "part-1.parquet", decision_file((5, "a", 0, 0.5), (6, "b", 0, 0.6), (7, "a", 1, 0.7)))
    add(archive, "decisions", day_of(START_MS), "part-2.parquet", decision_file((2, "a", 0, 0.2), (9, "b", 0, 0.9)))
    [table] = archive.read("decisions", columns=["event_id", "revision", "score"])
    assert table.column_names == ["event_id", "revision", "score"]
    assert [tuple(row.values()) for row in table.to_pylist()] == [("a", 0, 0.2), ("b", 0, 0.6), ("a", 1, 0.7)]
    compact(archive, "decisions", day_of(START_MS))
    assert archive.days("decisions")[0].rows == 3


def test_decisions_of_two_users_with_one_event_id_are_both_there(archive: FileArchive) -> None:
    for user in ("u", "v"):
        add(
            archive, "decisions", day_of(START_MS), f"part-{user}.parquet", decision_file((1 if user == "u" else 2, "a", 0, 0.5), user=user)
        )
    for _ in range(2):
        [table] = archive.read("decisions", columns=["user"])
        assert table["user"].to_pylist() == ["u", "v"]
        compact(archive, "decisions", day_of(START_MS))


def test_a_day_comes_in_tables_of_some_65536_rows(archive: FileArchive) -> None:
    for number in range(4):
        rows = [record(offset, at_ms=START_MS + offset) for offset in range(40_000 * number, 40_000 * (number + 1))]
        add(archive, "events", day_of(START_MS), f"part-{number}.parquet", encode_records(rows))
    tables = list(archive.read("events", columns=["offset"]))
    assert max(map(len, tables)) <= 2 * 65_536
    assert len(tables) > 1
    assert [offset for table in tables for offset in table["offset"].to_pylist()] == list(range(160_000))


def test_files_that_are_merged_while_they_are_read_are_read_on_from_the_merged_one(archive: FileArchive) -> None:
    for number in range(4):
        rows = [record(offset, at_ms=START_MS + offset) for offset in range(70_000 * number, 70_000 * (number + 1))]
        add(archive, "events", day_of(START_MS), f"part-{number}.parquet", encode_records(rows))
    reading = archive.read("events", columns=["offset"])
    offsets = next(reading)["offset"].to_pylist()
    assert compact(archive, "events", day_of(START_MS)) is not None
    assert offsets + [offset for table in reading for offset in table["offset"].to_pylist()] == list(range(280_000))


def test_what_a_killed_compaction_left_goes_with_the_next_one(archive: FileArchive) -> None:
    add(archive, "events", day_of(START_MS), "part-1.parquet", encode_records([record(1)]))
    add(archive, "events", day_of(START_MS), ".merged-0123.parquet", b"half a f")
    assert compact(archive, "events", day_of(START_MS)) is None
    path = f"{archive.root}/{folder_of('events', day_of(START_MS))}/.merged-0123.parquet"
    assert not archive.files.get_file_info(path).is_file
    assert places(archive) == [(0, 1)]


class TestCompaction:
    def files(self, archive: FileArchive) -> list[str]:
        return [each.name for each in archive.counting("events", day_of(START_MS))]

    def filled(self, archive: FileArchive) -> list[tuple[int, int]]:
        for number in range(5):
            rows = [record(offset, at_ms=START_MS + 1_000 - offset) for offset in range(10 * number, 10 * number + 12)]
            add(archive, "events", day_of(START_MS), f"part-{number}.parquet", encode_records(rows))
        return places(archive)

    def test_many_files_become_one_with_the_same_rows_in_order(self, archive: FileArchive) -> None:
        before = self.filled(archive)
        day = compact(archive, "events", day_of(START_MS))
        assert day is not None
        assert (day.files, day.rows) == (1, 52)
        assert places(archive) == before
        assert len(self.files(archive)) == 1

    def test_one_file_is_left_alone(self, archive: FileArchive) -> None:
        self.filled(archive)
        compact(archive, "events", day_of(START_MS))
        name = self.files(archive)
        assert compact(archive, "events", day_of(START_MS)) is None
        assert self.files(archive) == name

    def test_files_that_come_later_are_merged_with_the_merged_one(self, archive: FileArchive) -> None:
        self.filled(archive)
        compact(archive, "events", day_of(START_MS))
        add(archive, "events", day_of(START_MS), "part-9.parquet", encode_records([record(99)]))
        before = places(archive)
        assert compact(archive, "events", day_of(START_MS)) is not None
        assert places(archive) == before

    @pytest.mark.parametrize("deleted", [0, 1, 3])
    def test_a_crash_between_merging_and_deleting_loses_and_repeats_nothing(
        self, archive: FileArchive, monkeypatch: pytest.MonkeyPatch, deleted: int
    ) -> None:
        before = self.filled(archive)

        def crash(archive: FileArchive, kind: Kind, day: str) -> None:
            for each in archive.replaced(kind, day)[:deleted]:
                archive.files.delete_file(each.path)
            if archive.replaced(kind, day):
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(archive_compaction, "_delete_replaced", crash)
            with pytest.raises(KeyboardInterrupt):
                compact(archive, "events", day_of(START_MS))
        assert places(archive) == before
        assert compact(archive, "events", day_of(START_MS)) is None
        assert len(archive.replaced("events", day_of(START_MS))) == 0
        assert places(archive) == before


def test_a_place_that_is_none_is_refused() -> None:
    with pytest.raises(Refusal, match="hdfs://host:port"):
        open_archive("ftp://somewhere/archive")


@pytest.mark.integration
def test_an_s3_storage_that_stands_still_is_an_error_and_not_an_empty_archive(s3_held_up: str) -> None:
    with pytest.raises(StoreUnavailableError):
        open_archive(f"{s3_held_up}/contract", 1.0).days("events")
