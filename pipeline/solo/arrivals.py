"""What comes to the engine of a solo system is appended to its input: records of callers, and those that other processes logged."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from foundation.settings import Settings
from pipeline.log.awaited_logs import AwaitedLogs
from pipeline.log.frame import Entry, LogRecord
from pipeline.log.reader import LogReader
from pipeline.log.writer import LogWriter
from pipeline.solo.disk_problem import DiskProblem
from pipeline.solo.intake import Intake, Waiting
from pipeline.solo.pace import IDLE_SECONDS_MAX, Pace

LOOK_SECONDS_MIN, LOOK_SECONDS_MAX = 0.05, 0.25
"""How often the logs of other processes are looked at, which takes as long as a third of a decision: so often at most, and at least so
often where the system does not tell that they were written to. What comes to this process itself is taken at once."""
FROM_HEADER = "weir-from"
"""The header of a record that was copied from another log: that log and the ordinal after the record there."""


class _IntakeBell:
    """Makes the engine look at the logs of other processes."""

    def __init__(self, intake: Intake) -> None:
        self.has_rung = False
        self._intake = intake

    def ring(self) -> None:
        self.has_rung = True
        self._intake.wake()


class Arrivals:
    """Appends what comes to the input, and gives it as it stands there. Only the engine's thread may use it.

    Args:
        intake: what callers put in.
        input: the log of all that comes.
        positions: how far each other log was copied, by its name; kept up to date here.
        disk: gets the problems of the disk.
        settings: bound a micro-batch.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        intake: Intake,
        input: LogWriter,
        positions: dict[str, int],
        disk: DiskProblem,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._intake = intake
        self._input = input
        self._positions = positions
        self._disk = disk
        self._settings = settings
        self._clock = clock
        self._pace = Pace()
        self._others: Mapping[str, LogReader] = {}
        self._are_ready: Callable[[Sequence[LogRecord]], bool] = lambda records: True
        self._held: dict[str, list[LogRecord]] = {}
        """By log what was read from it and is not ready yet."""
        self._looked_at = time.monotonic()
        self._bell = _IntakeBell(intake)
        self._awaited = AwaitedLogs(self._bell)

    def follow(self, others: Mapping[str, LogReader], are_ready: Callable[[Sequence[LogRecord]], bool] = lambda records: True) -> None:
        """Has the logs of other processes copied from now on, from where their readers stand.

        Args:
            are_ready: tells whether records may be appended; until then those read are held back. It is asked again without any.
        """
        self._others, self._are_ready = others, are_ready
        self._awaited.add({reader.segments: reader.topics for reader in others.values()})

    def appended(self) -> list[LogRecord]:
        """Appends the next micro-batch of what callers put in, for which it waits a moment; returns nothing where the disk refuses it."""
        if left := self._pace.seconds_left(self._intake.records):
            time.sleep(left)
        taken = self._taken(self._idle_seconds())
        if not taken:
            return []
        entries = [entry for waiting in taken for entry in waiting.entries]
        self._pace.taken(len(entries))
        first, records = self._append(entries)
        if first is None:
            self._refuse(taken)
            return []
        self._disk.clear()
        _tell(taken, first)
        return records

    def copied(self) -> Iterator[list[LogRecord]]:
        """Copies what the logs of other processes hold for the engine into the input, if it is time to look."""
        passed = time.monotonic() - self._looked_at
        is_asked = self._bell.has_rung or self._held or not self._awaited.are_told
        if passed < (LOOK_SECONDS_MIN if is_asked else IDLE_SECONDS_MAX):
            return
        self._bell.has_rung = False
        self._looked_at = time.monotonic()
        for name, reader in self._others.items():
            if not (found := self._ready(name, reader)):
                continue
            first, records = self._append([_copied_from(name, each) for each in found])
            if first is None:
                reader.seek(found[0].ordinal)
                continue
            self._positions[name] = reader.position
            self._pace.came()
            yield records

    def close(self) -> None:
        """Has nobody look at the logs of other processes any more."""
        self._awaited.clear()

    def _idle_seconds(self) -> float:
        """Returns how long to wait for the next micro-batch."""
        if self._bell.has_rung or self._held:
            return LOOK_SECONDS_MIN
        return self._pace.idle_seconds if self._awaited.are_told else min(self._pace.idle_seconds, LOOK_SECONDS_MAX)

    def _ready(self, name: str, reader: LogReader) -> list[LogRecord]:
        """Returns the next records of a log; nothing while there are none, or these are not ready."""
        held = self._held.pop(name, [])
        found = held
        if not held:
            reader.refresh()
            found = reader.read(self._settings.bundle_events_max) if reader.is_behind else []
        if found and not self._are_ready([] if held else found):
            self._held[name], found = found, []
        return found

    def refuse_for(self, seconds: float) -> None:
        """Refuses a micro-batch of what callers put in, for which it waits up to `seconds`."""
        self._refuse(self._taken(seconds))

    def _taken(self, seconds: float) -> list[Waiting]:
        return self._intake.take(self._settings.bundle_events_max, self._settings.bundle_bytes_max, seconds)

    def _append(self, entries: Sequence[Entry]) -> tuple[int | None, list[LogRecord]]:
        """Appends records, and returns the ordinal of the first, None where the disk refuses them, and all as they stand in the input."""
        at_ms = int(self._clock() * 1000)
        try:
            first = self._input.append_at(entries, at_ms)
        except OSError as error:
            self._disk.note(error)
            return None, []
        return first, [LogRecord(first + number, at_ms, *entry) for number, entry in enumerate(entries)]

    def _refuse(self, taken: Sequence[Waiting]) -> None:
        """Says of records that they are not in the log."""
        for waiting in taken:
            if waiting.done is not None:
                waiting.done(-1, self._disk.text)


def note_copied(records: Sequence[LogRecord], positions: dict[str, int]) -> None:
    """Brings the `positions` of other logs up to what was copied from them into records of the input."""
    for record in records:
        for name, value in record.headers:
            if name == FROM_HEADER:
                source, _, position = value.decode().rpartition(":")
                positions[source] = max(positions.get(source, 0), int(position))


def _tell(taken: Sequence[Waiting], first: int) -> None:
    """Says of records that they are in the log from the ordinal `first` on."""
    end = first
    for waiting in taken:
        end += len(waiting.entries)
        if waiting.done is not None:
            waiting.done(end, "")


def _copied_from(name: str, record: LogRecord) -> Entry:
    origin = (FROM_HEADER, f"{name}:{record.ordinal + 1}".encode())
    return Entry(record.topic, record.key, record.value, (*record.headers, origin))
