"""The one writer of a log: it appends batches of records, which are in the log as a whole or not at all."""

import contextlib
import fcntl
import logging
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Literal

from foundation.refusal import Refusal
from pipeline.log.frame import Entry, FrameHead, encode_frame
from pipeline.log.room_ahead import RoomAhead, give_back
from pipeline.log.segment import Segment, start_of_segment
from pipeline.log.segments import Segments, segment_path, segment_paths

log = logging.getLogger(__name__)

Fsync = Literal["always", "20ms", "os"]
FSYNC_SECONDS = 0.02
SEGMENT_BYTES = 64 << 20
LOCK = "writer.lock"
CARRIED_HEADER = "weir-carried"
"""The header of a record that was appended again because its segment went: the ordinal that it had first."""


class LogWriter:
    """Appends to the log in `folder`, which is made if it is missing. Any thread may append; while it is open no other writer can be.

    At the opening, what the last write of a killed process has left unfinished is cut off.

    Args:
        fsync: ``always`` writes each batch through to the disk before `append` returns; ``20ms`` does so in the background, at most so
            much later; ``os`` leaves it to the operating system. A killed process loses nothing with any of them; a machine without power
            loses nothing, what was appended in the last 20 ms or so, or what the system has not written yet, often half a minute.
        segment_bytes: size at which a new segment begins.
        clock: seconds since the epoch.

    Raises:
        Refusal: another writer has the log, a file is damaged, or the log is of another version.
    """

    def __init__(
        self, folder: pathlib.Path, fsync: Fsync = "20ms", segment_bytes: int = SEGMENT_BYTES, clock: Callable[[], float] = time.time
    ) -> None:
        self.segments = Segments(folder)
        self.cut_off = ""
        self._folder = folder
        self._fsync = fsync
        self._segment_bytes = segment_bytes
        self._clock = clock
        self._one = threading.Lock()
        self._due = threading.Event()
        self._room = RoomAhead()
        self._closing = False
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder)
        try:
            self._file = self._open_last()
        except BaseException:
            os.close(self._lock)
            raise
        self._carried_to = self.segments.end
        """The ordinal after the last record that was appended again because its segment was to go; at the opening any may be one."""
        self.segments.has_writer = True
        self._behind = threading.Thread(target=self._work_behind, name="log-behind", daemon=True)
        self._behind.start()

    @property
    def end(self) -> int:
        """Ordinal after the last record."""
        return self.segments.end

    def append(self, entries: Sequence[Entry]) -> int:
        """Appends a batch of at least one record; gives the ordinal of the first.

        Raises:
            OSError: the disk takes nothing now; nothing was appended, and it may be tried again.
        """
        return self.append_at(entries, int(self._clock() * 1000))

    def append_at(self, entries: Sequence[Entry], at_ms: int) -> int:
        """Appends as `append` does, with the time `at_ms` in ms since the epoch."""
        with self._one:
            if self.segments.all[-1].size >= self._segment_bytes:
                self._roll()
            segment = self.segments.all[-1]
            first = segment.end
            frames = list(_frames(entries, first, at_ms))
            self._write(segment, b"".join([frame for _, frame in frames]))
            self.segments.appended([head for head, _ in frames])
        if self._fsync == "20ms" or self._room.is_short(segment.size):
            self._due.set()
        return first

    def sync(self) -> None:
        """Writes all that was appended through to the disk; others may append meanwhile.

        Raises:
            OSError: the disk does not take it.
        """
        with self._open_file() as file:
            os.fsync(file)

    def keep(self, after_ms: int, bytes_max: int, compacted: Sequence[str], needed_from: int | None = None) -> list[pathlib.Path]:
        """Removes the oldest segments whose records were all appended before `after_ms`, or that are beyond `bytes_max` in all.

        The last segment stays. The newest record of each key of the topics `compacted` is appended again before its segment goes.
        Gives the files that were removed.

        Args:
            needed_from: ordinal from which on a later start reads the log; None where none does. A segment that reaches there stays. So
                does one whose records were appended again behind it, or such a start would read the events between without them.
        """
        removed = []
        while len(self.segments.all) > 1:
            first = self.segments.all[0]
            size = sum(segment.size for segment in self.segments.all)
            if first.last_ms >= after_ms and size <= bytes_max:
                break
            if needed_from is not None and first.end > needed_from:
                break
            carried = self._newest_of(first, compacted)
            if carried:
                self._carried_to = self.append(carried) + len(carried)
            if needed_from is not None and needed_from < self._carried_to:
                break
            with self.segments.lock:
                self.segments.drop_first()
            removed.append(first.path)
        return removed

    def close(self) -> None:
        """Writes everything through to the disk and lets another writer in."""
        self._closing = True
        self._due.set()
        self._behind.join()
        with self._one:
            give_back(self._file, self.segments.all[-1].size)
            os.fsync(self._file)
            os.close(self._file)
            os.close(self._lock)
        self.segments.close()

    def _write(self, segment: Segment, data: bytes) -> None:
        """Writes `data` at the end of `segment`, whole or not at all."""
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:] if written else data)
            if self._fsync == "always":
                os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, segment.size)
            os.lseek(self._file, segment.size, os.SEEK_SET)
            raise

    def _open_last(self) -> int:
        for first, path in segment_paths(self._folder):
            if self.segments.all and not self.segments.all[-1].sealed:
                self.segments.scan_last(whole=False)
                self.segments.all[-1].seal()
            self.segments.add(first, path)
        if not self.segments.all:
            return self._begin(0)
        last = self.segments.all[-1]
        if last.sealed:
            return self._begin(last.end)
        self.cut_off = self.segments.scan_last(whole=True)
        size = last.path.stat().st_size
        if self.cut_off:
            text = "%s, byte %d: the last write was not finished; %d bytes are cut off: %s"
            log.warning(text, last.path, last.size, size - last.size, self.cut_off)
        file = os.open(last.path, os.O_WRONLY | os.O_CLOEXEC)
        os.ftruncate(file, last.size)
        os.lseek(file, last.size, os.SEEK_SET)
        return file

    def _begin(self, first: int) -> int:
        """Makes a new segment; it has its name once its beginning is on the disk."""
        path = segment_path(self._folder, first)
        made = path.with_suffix(".new")
        file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, start_of_segment(first))
            os.fsync(file)
            made.rename(path)
        except OSError:
            os.close(file)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self.segments.add(first, path)
        self._room.begin()
        return file

    def _roll(self) -> None:
        last, old = self.segments.all[-1], self._file
        os.fsync(old)
        with self.segments.lock:
            self._file = self._begin(last.end)
            last.seal()
        give_back(old, last.size)
        os.close(old)

    def _newest_of(self, first: Segment, compacted: Sequence[str]) -> list[Entry]:
        """The records of `first` that are the newest of their keys, in order; deleted keys need none."""
        newest: dict[tuple[str, bytes], tuple[int, Entry]] = {}
        wanted = [topic for topic in compacted if topic in first.lasts]
        for segment in self.segments.all if wanted else ():
            for place in segment.places(wanted, 0):
                for record in segment.records(place.position):
                    if record.topic in wanted:
                        newest[record.topic, record.key] = record.ordinal, Entry(record.topic, record.key, record.value, record.headers)
        here = sorted(found for found in newest.values() if found[0] < first.end and found[1].value is not None)
        return [_carried(ordinal, entry) for ordinal, entry in here]

    def _work_behind(self) -> None:
        """Does what no append should wait for."""
        while not self._closing:
            self._due.wait()
            self._due.clear()
            try:
                with self._open_file() as file:
                    self._room.reserve(file, self.segments.all[-1].size)
                if self._fsync == "20ms":
                    self.sync()
            except OSError as error:
                log.error("the log %s could not be written through to the disk: %s", self._folder, error)
            time.sleep(FSYNC_SECONDS)

    @contextlib.contextmanager
    def _open_file(self) -> Iterator[int]:
        """The file that is written to, for as long as it takes: a new segment may begin meanwhile, which closes its own descriptor."""
        with self._one:
            file = os.dup(self._file)
        try:
            yield file
        finally:
            os.close(file)


def _carried(ordinal: int, entry: Entry) -> Entry:
    """The record as it is appended again."""
    if any(name == CARRIED_HEADER for name, _ in entry.headers):
        return entry
    return entry._replace(headers=(*entry.headers, (CARRIED_HEADER, str(ordinal).encode())))


def _frames(entries: Sequence[Entry], first: int, at_ms: int) -> Iterator[tuple[FrameHead, bytes]]:
    runs = [list(run) for _, run in groupby(entries, key=lambda entry: entry.topic)]
    for number, run in enumerate(runs):
        yield encode_frame(first, at_ms, run[0].topic, run, number < len(runs) - 1)
        first += len(run)


def require_unused(folder: pathlib.Path) -> None:
    """Lets the log in `folder` pass if nobody writes to it now.

    Raises:
        Refusal: another writer has it.
    """
    if folder.exists():
        os.close(_locked(folder))


def _locked(folder: pathlib.Path) -> int:
    """The open lock of `folder`, which ends with the process.

    Raises:
        Refusal: another writer has it.
    """
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(lock, 32).decode(errors="replace").strip()
        os.close(lock)
        raise Refusal(
            "log in use",
            where=str(folder),
            expected="no other process that writes to it",
            got=f"process {holder} has it open" if holder else "another process has it open",
            remedy="stop the other `weir serve` of this folder, or give --folder",
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock
