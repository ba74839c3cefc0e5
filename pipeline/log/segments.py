"""The segments of a log, and where the frames of each topic stand in them.

A log is a folder of segments, each a file that is named for the ordinal of its first record. One process writes to it, and any process may
read it while it grows. What this module knows of a log it has from its files: a sealed segment has an index beside it, and of the last
segment the heads of the frames are read, each once.
"""

import bisect
import itertools
import os
import pathlib
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import msgspec

from foundation.refusal import Refusal
from pipeline.log.frame import FrameHead, LogRecord, read_head, read_payload

MAGIC = b"WEIRLOG\n"
VERSION = 1
_START = struct.Struct("<8sIQI")
"""A segment begins with it: `MAGIC`, `VERSION`, the ordinal of its first record, and a checksum of these."""
START_BYTES = _START.size
READ_BYTES = 1 << 18
RARE_FRAMES_MAX = 4_096
"""Of a topic with more frames in a sealed segment, the index holds only every so many bytes one."""
SPARSE_BYTES = 1 << 16
SETTLED_NS = 1_000_000_000
"""A folder's time of change has steps of some milliseconds, so only a time that is older says that nothing has changed since."""


class Place(NamedTuple):
    """Where a frame stands: the ordinal of its first record, and its position in bytes in its segment."""

    ordinal: int
    position: int


def _ordinal_of(place: Place) -> int:
    return place.ordinal


class Index(msgspec.Struct):
    """The index file of a sealed segment.

    Args:
        end: ordinal after the last record.
        size: bytes of the segment.
        last_ms: greatest time of a frame.
        lasts: ordinal of the last record of each topic.
        frames: all frames of each rare topic; a topic of `lasts` that is missing here is to be looked for from `sparse` on.
        sparse: some frames, about `SPARSE_BYTES` apart.
    """

    end: int
    size: int
    last_ms: int
    lasts: dict[str, int]
    frames: dict[str, list[Place]]
    sparse: list[Place]


class Segment:
    """One file of a log, with what is known of its frames.

    Args:
        path: of the file.
        first: ordinal of its first record.
    """

    def __init__(self, path: pathlib.Path, first: int) -> None:
        self.path = path
        self.first = self.end = first
        self.size = START_BYTES
        self.last_ms = 0
        self.sealed = False
        self.lasts: dict[str, int] = {}
        self.frames: dict[str, list[Place]] = {}
        self.sparse: list[Place] = [Place(first, START_BYTES)]
        self._descriptor: int | None = None

    @property
    def index_path(self) -> pathlib.Path:
        return self.path.with_suffix(".index")

    def note(self, head: FrameHead) -> None:
        """Takes in the head of the frame that stands at the end of what is known."""
        place = Place(head.ordinal, self.size)
        self.end = head.ordinal + head.records
        self.lasts[head.topic] = self.end - 1
        found = self.frames.get(head.topic)
        if found is None and head.topic not in self.frames:
            found = self.frames[head.topic] = []
        if found is not None:
            found.append(place)
        if place.position - self.sparse[-1].position >= SPARSE_BYTES:
            self.sparse.append(place)
        self.last_ms = max(self.last_ms, head.at_ms)
        self.size += head.size

    def seal(self) -> None:
        """Writes the index, which makes the segment known without reading it."""
        rare = {topic: places for topic, places in self.frames.items() if len(places) <= RARE_FRAMES_MAX}
        index = Index(self.end, self.size, self.last_ms, self.lasts, rare, self.sparse)
        written = self.index_path.with_suffix(".new")
        written.write_bytes(msgspec.msgpack.encode(index))
        written.rename(self.index_path)
        self._take(index)

    def load(self) -> bool:
        """Takes in the index; gives False if there is none that fits the file, and then nothing is known yet."""
        try:
            index = msgspec.msgpack.decode(self.index_path.read_bytes(), type=Index)
        except (OSError, msgspec.DecodeError, ValueError):
            return False
        if self.path.stat().st_size != index.size:
            return False
        self._take(index)
        return True

    def read(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position` on."""
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(self._descriptor, size, position)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def places(self, topics: Collection[str], start: int, limit: int | None = None) -> list[Place]:
        """The frames of `topics` from the one that holds the ordinal `start` on, the first `limit` of them or all, in order."""
        wanted = [topic for topic in topics if self.lasts.get(topic, -1) >= start]
        if not all(topic in self.frames for topic in wanted):
            return list(itertools.islice(self._looked_for(wanted, start), limit))
        found: list[Place] = []
        for topic in wanted:
            frames = self.frames[topic]
            at = max(0, bisect.bisect_right(frames, start, key=_ordinal_of) - 1)
            found += frames[at : None if limit is None else at + limit]
        return sorted(found)[:limit] if len(wanted) > 1 else found

    def _looked_for(self, topics: list[str], start: int) -> Iterator[Place]:
        at = bisect.bisect_right(self.sparse, start, key=_ordinal_of)
        position = self.sparse[max(0, at - 1)].position
        while position < self.size:
            head = self.head_at(position)
            if head.topic in topics and head.ordinal + head.records > start:
                yield Place(head.ordinal, position)
            position += head.size

    def head_at(self, position: int) -> FrameHead:
        """The head of the frame at `position`, which is known to be whole.

        Raises:
            Refusal: it is damaged.
        """
        try:
            head = read_head(self.read(position, 512), 0)
        except ValueError as error:
            raise damaged(self.path, position, str(error)) from error
        if head is None:
            raise damaged(self.path, position, "the end of the file")
        return head

    def records(self, position: int) -> list[LogRecord]:
        """The records of the frame at `position`.

        Raises:
            Refusal: it is damaged.
        """
        head = self.head_at(position)
        payload = self.read(position + head.size - head.payload_bytes, head.payload_bytes)
        try:
            return read_payload(head, payload)
        except ValueError as error:
            raise damaged(self.path, position, str(error)) from error

    def _take(self, index: Index) -> None:
        self.end, self.size, self.last_ms, self.lasts = index.end, index.size, index.last_ms, index.lasts
        self.frames, self.sparse = index.frames, index.sparse
        self.sealed = True


class Segments:
    """All segments of the log in `folder`, for one process; any of its threads may use it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.changed = threading.Condition()
        self.has_writer = False
        self.all: list[Segment] = []
        self._gone: list[Segment] = []
        self._awaited: Counter[str] = Counter()
        self._listed_ns = -1

    def wait(self, topics: Collection[str], is_there: Callable[[], bool], seconds: float) -> None:
        """Waits up to `seconds` until `is_there`, which records of `topics` make true that this process appends."""
        with self.changed:
            self._awaited.update(topics)
            self.changed.wait_for(is_there, seconds)
            self._awaited.subtract(topics)

    def appended(self, heads: Sequence[FrameHead]) -> None:
        """Takes in the frames that this process has appended, and wakes those that wait for records of their topics."""
        with self.changed:
            for head in heads:
                self.all[-1].note(head)
            if any(self._awaited[head.topic] for head in heads):
                self.changed.notify_all()

    @property
    def end(self) -> int:
        """Ordinal after the last record that is known."""
        return self.all[-1].end if self.all else 0

    def last(self, topic: str) -> int:
        """Ordinal of the last record of `topic` that is known; -1 if there is none."""
        return next((segment.lasts[topic] for segment in reversed(self.all) if topic in segment.lasts), -1)

    def refresh(self) -> None:
        """Takes in what another process has appended since the last call. A frame that is not whole yet is left for the next call.

        Raises:
            Refusal: a file is damaged, or is of another version.
        """
        with self.changed:
            if not self.has_writer:
                self._refresh()

    def scan_last(self, whole: bool) -> str:
        """Reads the frames of the last segment that are not known yet; gives what stands behind the last whole batch, '' if nothing does.

        Args:
            whole: check the payloads too.

        Raises:
            Refusal: there is damage that is no torn end of the last write.
        """
        segment = self.all[-1]
        batch: list[FrameHead] = []
        position, expected = segment.size, segment.end
        size = segment.path.stat().st_size
        chunk, chunk_at = b"", position
        while position < size:
            if position - chunk_at + 512 > len(chunk):
                chunk, chunk_at = segment.read(position, READ_BYTES), position
            try:
                head = read_head(chunk, position - chunk_at)
            except ValueError as error:
                if not any(segment.read(position, size - position)):
                    return "zeros"  # a file system may make a file longer before it has written what stands there
                raise damaged(segment.path, position, str(error)) from error
            if head is None or position + head.size > size:
                return "a part of a frame"
            if head.ordinal != expected:
                raise damaged(segment.path, position, f"record {head.ordinal} in the place of record {expected}")
            if whole and zlib.crc32(segment.read(position + head.size - head.payload_bytes, head.payload_bytes)) != head.checksum:
                if position + head.size == size:
                    return "a frame whose checksum is wrong"
                raise damaged(segment.path, position, "a payload whose checksum is wrong")
            batch.append(head)
            position, expected = position + head.size, expected + head.records
            if not head.more:
                for each in batch:
                    segment.note(each)
                batch.clear()
        return "a part of a batch" if batch else ""

    def drop_first(self) -> None:
        """Removes the oldest segment with its index."""
        first = self.all.pop(0)
        first.path.unlink(missing_ok=True)
        first.index_path.unlink(missing_ok=True)
        self._gone.append(first)  # a reader may be in it still

    def close(self) -> None:
        for segment in (*self.all, *self._gone):
            segment.close()

    def _refresh(self) -> None:
        while True:
            if self.all:
                self._look_at_last()
                if self._is_listed():
                    return
            listed = self._changed_ns()
            paths = segment_paths(self.folder)
            known = {segment.first for segment in self.all}
            fresh = [(first, path) for first, path in paths if first not in known and (not self.all or first >= self.end)]
            is_whole = len(fresh) <= 1  # one segment is taken in at a time
            self._listed_ns = listed if is_whole and time.time_ns() - listed > SETTLED_NS else -1
            gone = {segment.first for segment in self.all} - {first for first, _ in paths}
            if gone:
                self._gone += [segment for segment in self.all if segment.first in gone]
                self.all = [segment for segment in self.all if segment.first not in gone]
            if not fresh:
                return
            if self.all and not self.all[-1].sealed:
                self._look_at_last()  # it got its last records before the next segment was begun, perhaps since it was looked at
                if fresh[0][0] != self.all[-1].end:
                    raise gap(fresh[0][1], self.all[-1].end)
                self.all[-1].sealed = True
            self.add(*fresh[0])

    def add(self, first: int, path: pathlib.Path) -> None:
        """Takes in one more segment, which begins at the end of those that are known.

        Raises:
            Refusal: it is no segment, or one of another version, or does not begin there.
        """
        if self.all and first != self.end:
            raise gap(path, self.end)
        segment = Segment(path, first)
        check_start(segment)
        segment.load()
        self.all.append(segment)

    def _is_listed(self) -> bool:
        """Whether no file has come or gone since the segments were listed; a new segment is one."""
        return self._listed_ns == self._changed_ns()

    def _changed_ns(self) -> int:
        """When a file last came or went in the folder, in ns since the epoch; 0 where there is no folder yet."""
        try:
            return self.folder.stat().st_mtime_ns
        except OSError:
            return 0

    def _look_at_last(self) -> None:
        if not self.all[-1].sealed and self.all[-1].path.exists():
            self.scan_last(whole=False)


def start_of_segment(first: int) -> bytes:
    """The bytes that a segment begins with."""
    head = _START.pack(MAGIC, VERSION, first, 0)[:-4]
    return head + zlib.crc32(head).to_bytes(4, "little")


def check_start(segment: Segment) -> None:
    """Checks how a segment begins.

    Raises:
        Refusal: it is no segment of a log, or one of another version, or its name does not fit.
    """
    data = segment.read(0, START_BYTES)
    if len(data) == START_BYTES and data[: len(MAGIC)] == MAGIC:
        _, version, first, checksum = _START.unpack(data)
        if version != VERSION and checksum == zlib.crc32(data[:-4]):
            remedy = "use the version of Weir that wrote this log, or begin with another folder"
            raise Refusal(
                "log of another version", where=str(segment.path), expected=f"version {VERSION}", got=f"version {version}", remedy=remedy
            )
        if checksum == zlib.crc32(data[:-4]) and first == segment.first:
            return
    raise damaged(segment.path, 0, "no beginning of a segment with this name")


def segment_paths(folder: pathlib.Path) -> list[tuple[int, pathlib.Path]]:
    """The first ordinal and the path of each segment in `folder`, in order."""
    return sorted((int(path.stem), path) for path in folder.glob("*.log") if path.stem.isdigit())


def segment_path(folder: pathlib.Path, first: int) -> pathlib.Path:
    """The path of the segment in `folder` that begins with record `first`."""
    return folder / f"{first:020d}.log"


def damaged(path: pathlib.Path, position: int, got: str) -> Refusal:
    """The refusal of a damaged file."""
    remedy = "put back this folder from a backup; what stands before the named byte is whole, so cutting the file there loses what follows"
    return Refusal("damaged log", where=f"{path}, byte {position}", expected="a whole frame of records", got=got, remedy=remedy)


def gap(path: pathlib.Path, expected: int) -> Refusal:
    """The refusal of a log in which a segment is missing."""
    return Refusal(
        "incomplete log",
        where=str(path),
        expected=f"a segment that begins with record {expected}",
        got=f"one that begins with record {int(path.stem)}",
        remedy="put back the whole folder from a backup",
    )
