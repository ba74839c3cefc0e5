"""The segments of a log, and where the frames of each topic stand in them.

A log is a folder of segments, each a file that is named for the ordinal of its first record. One process writes to it, and any process may
read it while it grows. What a process knows of a log it has from its files.
"""

import pathlib
import threading
import time
import zlib
from collections.abc import Collection, Sequence

from foundation.refusal import Refusal
from pipeline.log.bell import Ringing
from pipeline.log.frame import FrameHead, read_head
from pipeline.log.segment import READ_BYTES, Segment, check_start, damaged

SETTLED_NS = 1_000_000_000
"""A folder's time of change has steps of some milliseconds, so only a time that is older says that nothing has changed since."""


class Segments:
    """All segments of the log in `folder`, for one process; any of its threads may use it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.has_writer = False
        self.all: list[Segment] = []
        self._gone: list[Segment] = []
        self._bells: list[tuple[Ringing, frozenset[str]]] = []
        self._listed_ns = -1

    def add_bell(self, bell: Ringing, topics: Collection[str]) -> None:
        """Rings `bell` from now on when records of `topics` have come."""
        with self.lock:
            self._bells = [*self._bells, (bell, frozenset(topics))]

    def remove_bell(self, bell: Ringing) -> None:
        """Takes back `add_bell`."""
        with self.lock:
            self._bells = [each for each in self._bells if each[0] is not bell]

    def ring_all(self) -> None:
        """Rings all bells, whatever has come."""
        for bell, _ in self._bells:
            bell.ring()

    def appended(self, heads: Sequence[FrameHead]) -> None:
        """Takes in the frames that this process has appended, and rings the bells of those that wait for records of their topics."""
        with self.lock:
            self._note(heads)

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
        with self.lock:
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
                self._note(batch)
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
        self.ring_all()

    def _note(self, heads: Sequence[FrameHead]) -> None:
        """Takes in whole frames at the end of the last segment."""
        for head in heads:
            self.all[-1].note(head)
        for bell, topics in self._bells:
            if any(head.topic in topics for head in heads):
                bell.ring()

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


def segment_paths(folder: pathlib.Path) -> list[tuple[int, pathlib.Path]]:
    """The first ordinal and the path of each segment in `folder`, in order."""
    return sorted((int(path.stem), path) for path in folder.glob("*.log") if path.stem.isdigit())


def segment_path(folder: pathlib.Path, first: int) -> pathlib.Path:
    """The path of the segment in `folder` that begins with record `first`."""
    return folder / f"{first:020d}.log"


def gap(path: pathlib.Path, expected: int) -> Refusal:
    """The refusal of a log in which a segment is missing."""
    return Refusal(
        "incomplete log",
        where=str(path),
        expected=f"a segment that begins with record {expected}",
        got=f"one that begins with record {int(path.stem)}",
        remedy="put back the whole folder from a backup",
    )
