"""A segment of a log: a file of frames, named for the ordinal of its first record, with what is known of where each topic's frames stand.

A sealed segment has an index beside it. Of the last one the heads of its frames are read, each once.
"""

import bisect
import itertools
import os
import pathlib
import struct
import zlib
from collections.abc import Collection, Iterator
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


def damaged(path: pathlib.Path, position: int, got: str) -> Refusal:
    """The refusal of a damaged file."""
    remedy = "put back this folder from a backup; what stands before the named byte is whole, so cutting the file there loses what follows"
    return Refusal("damaged log", where=f"{path}, byte {position}", expected="a whole frame of records", got=got, remedy=remedy)
