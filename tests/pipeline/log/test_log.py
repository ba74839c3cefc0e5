"""The log of a solo system: what stands in it after any end of its writer, and what is refused."""

import errno
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import zlib

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.refusal import Refusal
from pipeline.log import room_ahead
from pipeline.log.frame import Entry, LogRecord
from pipeline.log.reader import LogReader
from pipeline.log.room_ahead import STEP_BYTES
from pipeline.log.segment import START_BYTES, start_of_segment
from pipeline.log.segments import Segments, segment_paths
from pipeline.log.writer import LogWriter

TOPICS = ("events", "control", "models")
ENTRY = st.builds(
    Entry,
    st.sampled_from(TOPICS),
    st.binary(max_size=12),
    st.none() | st.binary(max_size=60),
    st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=8)), max_size=2).map(tuple),
)
BATCHES = st.lists(st.lists(ENTRY, min_size=1, max_size=6), min_size=1, max_size=12)


def opened(folder: pathlib.Path, **more: int) -> LogWriter:
    return LogWriter(folder, "os", clock=lambda: 1_700_000_000.0, **more)


def all_of(segments: Segments, topics: tuple[str, ...] = TOPICS, start: int = 0) -> list[LogRecord]:
    segments.refresh()
    reader = LogReader(segments, topics, start)
    found = []
    while records := reader.read(3):
        found += records
    return found


def refusal_of(folder: pathlib.Path) -> Refusal | None:
    try:
        opened(folder).close()
    except Refusal as refusal:
        return refusal
    return None


def fresh(folder: pathlib.Path) -> pathlib.Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def as_entries(records: list[LogRecord]) -> list[Entry]:
    return [Entry(each.topic, each.key, each.value, tuple(each.headers)) for each in records]


@pytest.mark.slow
@settings(max_examples=examples(60), deadline=None)
@given(BATCHES, st.integers(200, 2_000), st.integers(0, 40), st.sets(st.sampled_from(TOPICS), min_size=1))
def test_what_was_appended_is_read_in_order_from_any_record_on_in_any_process(tmp_path_factory, batches, bytes_, start, topics) -> None:
    folder = tmp_path_factory.mktemp("log")
    writer = opened(folder, segment_bytes=bytes_)
    for batch in batches:
        writer.append(batch)
    entries = [entry for batch in batches for entry in batch]
    wanted = [entry for number, entry in enumerate(entries) if number >= start and entry.topic in topics]
    assert as_entries(all_of(writer.segments, tuple(topics), start)) == wanted
    assert as_entries(all_of(Segments(folder), tuple(topics), start)) == wanted
    writer.close()
    again = opened(folder, segment_bytes=bytes_)
    assert again.end == len(entries)
    assert as_entries(all_of(again.segments, tuple(topics), start)) == wanted
    assert [each.ordinal for each in all_of(again.segments)] == list(range(len(entries)))
    again.close()


def test_a_log_that_is_cut_at_any_byte_holds_whole_batches_and_goes_on(tmp_path) -> None:
    writer = opened(tmp_path / "whole")
    batches = [[Entry("events", b"k", b"one")], [Entry("events", b"k", b"two"), Entry("control", b"c", None)], [Entry("events", b"", b"3")]]
    ends = [START_BYTES]
    for batch in batches:
        writer.append(batch)
        ends.append(writer.segments.all[-1].size)
    writer.close()
    [(_, path)] = segment_paths(tmp_path / "whole")
    data = path.read_bytes()
    for length in range(START_BYTES, len(data) + 1):
        folder = fresh(tmp_path / "cut")
        folder.mkdir()
        (folder / path.name).write_bytes(data[:length])
        whole = sum(end <= length for end in ends) - 1
        expected = [entry for batch in batches[:whole] for entry in batch]
        assert as_entries(all_of(Segments(folder))) == expected, "a reader passes over what is not whole"
        cut = opened(folder)
        assert bool(cut.cut_off) == (length not in ends)
        cut.append([Entry("events", b"new", b"goes on")])
        assert as_entries(all_of(cut.segments)) == [*expected, Entry("events", b"new", b"goes on")]
        cut.close()


def test_a_flipped_bit_is_refused_with_file_and_byte_or_cuts_the_last_write_off(tmp_path) -> None:
    writer = opened(tmp_path / "whole")
    batches = [[Entry("events", b"key", bytes([number]) * 20)] for number in range(3)]
    ends = [START_BYTES]
    for batch in batches:
        writer.append(batch)
        ends.append(writer.segments.all[-1].size)
    writer.close()
    [(_, path)] = segment_paths(tmp_path / "whole")
    data = path.read_bytes()
    for position in range(len(data)):
        folder = fresh(tmp_path / "flipped")
        folder.mkdir()
        (folder / path.name).write_bytes(data[:position] + bytes([data[position] ^ 16]) + data[position + 1 :])
        refusal = refusal_of(folder)
        if refusal is None:
            assert position >= ends[-2], "only what was written last may be taken for a write that was not finished"
            again = opened(folder)
            assert again.end == 2
            again.close()
            continue
        begin = max([0, *(end for end in ends if end <= position)]) if position >= START_BYTES else 0
        assert refusal.what in ("damaged log", "log of another version")
        assert str(folder / path.name) in refusal.where
        assert refusal.what == "log of another version" or refusal.where.endswith(f"byte {begin}")


def test_a_damaged_payload_in_the_middle_is_refused_by_a_reader_too(tmp_path) -> None:
    writer = opened(tmp_path)
    writer.append([Entry("events", b"key", b"a" * 50)])
    end = writer.segments.all[-1].size
    writer.append([Entry("events", b"key", b"b" * 50)])
    writer.close()
    [(_, path)] = segment_paths(tmp_path)
    data = bytearray(path.read_bytes())
    data[end - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Refusal, match="damaged log"):
        all_of(Segments(tmp_path))


def test_zeros_that_a_file_system_left_behind_the_last_write_are_cut_off(tmp_path) -> None:
    writer = opened(tmp_path)
    writer.append([Entry("events", b"key", b"value")])
    writer.close()
    [(_, path)] = segment_paths(tmp_path)
    with path.open("ab") as file:
        file.write(bytes(1_000))
    again = opened(tmp_path)
    assert again.cut_off == "zeros"
    assert again.end == 1
    again.close()


def test_a_log_of_another_version_is_refused_with_both_versions(tmp_path) -> None:
    data = bytearray(start_of_segment(0))
    data[8] = 9
    data[-4:] = zlib.crc32(bytes(data[:-4])).to_bytes(4, "little")
    (tmp_path / f"{0:020d}.log").write_bytes(data)
    with pytest.raises(Refusal, match=r"log of another version.*version 1.*version 9"):
        opened(tmp_path)


def test_a_missing_segment_is_refused(tmp_path) -> None:
    writer = opened(tmp_path, segment_bytes=100)
    for _ in range(5):
        writer.append([Entry("events", b"key", b"v" * 100)])
    writer.close()
    segment_paths(tmp_path)[2][1].unlink()
    with pytest.raises(Refusal, match="incomplete log"):
        opened(tmp_path)
    with pytest.raises(Refusal, match="incomplete log"):
        all_of(Segments(tmp_path))


def test_a_second_writer_is_refused_and_told_which_process_has_the_log(tmp_path) -> None:
    code = "import sys, pathlib; from pipeline.log.writer import LogWriter; LogWriter(pathlib.Path(sys.argv[1]))"
    code += "; print('open', flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdin is not None
    try:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(Refusal, match=f"log in use.*process {other.pid}"):
            opened(tmp_path)
    finally:
        other.kill()
        other.wait()
        other.stdin.close()
        other.stdout.close()
    opened(tmp_path).close()


def test_a_reader_of_another_process_follows_a_log_over_its_segments(tmp_path) -> None:
    writer = opened(tmp_path, segment_bytes=200)
    segments = Segments(tmp_path)
    reader = LogReader(segments, ["events"])
    seen = []
    for number in range(20):
        writer.append([Entry("events", b"", str(number).encode()), Entry("control", b"c", b"x" * 50)])
        segments.refresh()
        seen += [each.value for each in reader.read(10)]
    assert seen == [str(number).encode() for number in range(20)]
    assert len(segments.all) > 5
    writer.close()


def test_a_reader_that_comes_later_sees_every_segment_of_a_folder_in_which_nothing_has_changed_for_long(tmp_path) -> None:
    writer = LogWriter(tmp_path, "os", segment_bytes=100)
    for number in range(10):
        writer.append([Entry("events", b"", str(number).encode() * 60)])
    os.utime(tmp_path, (1, 1))
    segments = Segments(tmp_path)
    segments.refresh()
    assert segments.end == 10
    writer.append([Entry("events", b"", b"one more")])
    segments.refresh()
    assert segments.end == 11
    writer.close()


def test_a_segment_that_is_filled_and_followed_by_another_while_a_reader_looks_is_read_whole(tmp_path, monkeypatch) -> None:
    writer = LogWriter(tmp_path, "os", segment_bytes=300)
    writer.append([Entry("events", b"", b"0" * 60)])
    segments = Segments(tmp_path)
    segments.refresh()

    def list_late(folder: pathlib.Path) -> list[tuple[int, pathlib.Path]]:
        for number in range(1, 6):
            writer.append([Entry("events", b"", str(number).encode() * 60)])
        monkeypatch.undo()
        return segment_paths(folder)

    segments._listed_ns = -1
    monkeypatch.setattr("pipeline.log.segments.segment_paths", list_late)
    segments.refresh()
    assert segments.end == 6
    assert len(LogReader(segments, ["events"]).read(10)) > 1
    writer.close()


def test_old_segments_go_and_the_newest_record_of_each_key_of_a_compacted_topic_stays(tmp_path) -> None:
    writer = opened(tmp_path, segment_bytes=300)
    writer.append([Entry("control", b"kept", b"first"), Entry("control", b"changed", b"old"), Entry("control", b"gone", b"x")])
    for number in range(10):
        writer.append([Entry("events", b"", str(number).encode() * 100)])
    writer.append([Entry("control", b"changed", b"new"), Entry("control", b"gone", None)])
    before = len(writer.segments.all)
    gone = writer.keep(after_ms=0, bytes_max=1_200, compacted=["control"])
    assert gone
    assert len(writer.segments.all) < before
    assert not any(path.exists() for path in gone)
    latest = {record.key: record.value for record in all_of(writer.segments, ("control",))}
    assert latest == {b"kept": b"first", b"changed": b"new", b"gone": None}
    writer.close()
    again = opened(tmp_path, segment_bytes=300)
    assert {record.key: record.value for record in all_of(again.segments, ("control",))} == latest
    assert again.keep(after_ms=1_800_000_000_000, bytes_max=1 << 40, compacted=["control"]), "what is older than allowed goes too"
    assert {record.key: record.value for record in all_of(again.segments, ("control",))}[b"kept"] == b"first"
    again.close()


def test_a_disk_that_takes_nothing_loses_nothing_and_the_log_goes_on_when_there_is_room(tmp_path, monkeypatch) -> None:
    writer = opened(tmp_path)
    writer.append([Entry("events", b"", b"before")])
    write = os.write
    monkeypatch.setattr("pipeline.log.writer.os.write", lambda file, data: write(file, data[:10]) if len(data) > 20 else full())
    with pytest.raises(OSError, match="No space left"):
        writer.append([Entry("events", b"", b"lost" * 10)])
    monkeypatch.undo()
    writer.append([Entry("events", b"", b"after")])
    assert [each.value for each in all_of(writer.segments)] == [b"before", b"after"]
    assert [each.value for each in all_of(Segments(tmp_path))] == [b"before", b"after"]
    writer.close()


def full() -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_records_are_appended_while_earlier_ones_are_written_through_to_the_disk(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(tmp_path / "log")
    begun, may_end = threading.Event(), threading.Event()

    def fsync(file: int) -> None:
        begun.set()
        assert may_end.wait(60)

    monkeypatch.setattr(os, "fsync", fsync)
    syncing = threading.Thread(target=log.sync)
    syncing.start()
    assert begun.wait(60)
    appending = threading.Thread(target=lambda: log.append([Entry("events", b"a", b"1")]))
    appending.start()
    appending.join(60)
    appended = not appending.is_alive()
    may_end.set()
    syncing.join()
    appending.join()
    log.close()
    assert appended


def test_room_ahead_of_the_end_of_a_log_makes_it_no_longer_and_is_given_back(tmp_path: pathlib.Path) -> None:
    log = opened(tmp_path / "log")
    log.append([Entry("events", b"a", bytes(100))])
    [(_, path)] = segment_paths(tmp_path / "log")
    until = time.monotonic() + 60
    while path.stat().st_blocks * 512 < STEP_BYTES and time.monotonic() < until:
        time.sleep(0.01)
    taken, size = path.stat().st_blocks * 512, path.stat().st_size
    log.close()
    if taken < STEP_BYTES:
        pytest.skip("the file system of this folder takes no room ahead")
    assert size < 1_000
    assert path.stat().st_size == size
    assert path.stat().st_blocks * 512 < STEP_BYTES


def test_a_log_is_written_where_the_system_gives_no_room_ahead(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_ahead, "_fallocate", None)
    log = opened(tmp_path / "log")
    log.append([Entry("events", b"a", b"1")])
    assert [record.value for record in all_of(log.segments)] == [b"1"]
    log.close()
