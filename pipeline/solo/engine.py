"""The engine of a solo system: a thread that appends what comes to the log, decides it in the order of the log, and answers.

An event is in the log before its answer leaves. What the engine knows follows from the log alone: the state file holds it as of some
position, and at a start the log is read again from there. Decisions that stand in the output log already are not written twice.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from foundation.age_clock import AgeClock
from foundation.settings import Settings
from pipeline.engine.definitions.keeping import kept_ms
from pipeline.log.frame import Entry, LogRecord
from pipeline.log.log_folder import INBOX, INPUT, LOGS, LOGS_OF, OUTPUT, SIDE, TAKEN_IN, close_writers, segments_of, take_over
from pipeline.log.reader import LogReader
from pipeline.log.writer import CARRIED_HEADER, LogWriter
from pipeline.solo.checkpoints import RETRY_SECONDS, Checkpoints
from pipeline.solo.entry_feed import LogEntryFeed
from pipeline.solo.intake import Done, Intake, IntakeFullError, Waiting
from pipeline.solo.keeping import keep_within
from pipeline.solo.pace import Pace
from pipeline.solo.stages import CONTROL_TOPICS, TOLD_TOPICS, Outcome, Stages

log = logging.getLogger(__name__)

IDLE_SECONDS, IDLE_SECONDS_MAX = 0.05, 0.1
"""How often the logs of other processes are looked at, which takes as long as a third of a decision: so often while records come."""
KEEP_SECONDS = 60.0
FORGET_SECONDS = 6 * 3_600.0
"""How often profiles are looked for that are not kept any longer: each time all of them are looked at."""
CLEAR_SECONDS = 1.0
SETTLE_SECONDS = 1.0
"""After so long without an event the newest one says what event time it is."""
ROOM_BYTES = 1 << 20
FROM_HEADER = "weir-from"
"""The header of a record that was copied from another log: that log and the ordinal after the record there."""
THROUGH_HEADER = "weir-through"
"""The header of the first record of a batch of outcomes: the ordinal after the last record of the input that the batch is about."""
STATE = ("solo", "state.db")
AGE = ("solo", "age")

Replies = Sequence[tuple[str, bytes]]


class Engine:
    """Appends, decides and answers, in a thread of its own. Call `open`, then `start`, and `close` in any case.

    Args:
        settings: of the system.
        answer: is called in the engine's thread with the replies of each batch, by the name of who waits.
        died: is called in the engine's thread when it ends by an exception; what came before is in the log.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: Settings,
        answer: Callable[[Replies], None],
        died: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.intake = Intake()
        self.problem = "state: the log has not been read yet"
        self.write_problem = ""
        self.decided = 0
        self._settings = settings
        self._folder = settings.path(*LOGS)
        self._answer = answer
        self._died = died
        self._clock = clock
        self._age = AgeClock(settings.path(*AGE), clock)
        self._stopping = False
        self._died_of = ""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._sources: dict[str, LogReader] = {}
        self._kept_at = self._imported_at = self._forgot_at = time.monotonic()
        self._failed_at = 0.0
        self._came_at = math.inf
        """When the newest events came; infinity where nothing waits for what has not come."""
        self._pace = Pace()
        self._through = 0
        """The outcomes of records before this ordinal stand in the output log already."""

    def open(self) -> None:
        """Opens the logs and the state.

        Raises:
            Refusal: another process runs this system, or a file is damaged or of another version.
        """
        fsync = self._settings.log_fsync
        self._input = LogWriter(self._folder / INPUT, fsync, clock=self._clock)
        self._output = LogWriter(self._folder / OUTPUT, "os", clock=self._clock)
        logs = {INPUT: self._input, OUTPUT: self._output}
        take_over(self._folder, logs, self._append_and_wait)
        self._checkpoints = Checkpoints(self._settings.path(*STATE), logs, self._written_at)
        self._checkpoints.require_logs()

    def start(self) -> None:
        """Starts the thread, which first reads what the log has behind the state."""
        self._thread.start()

    def put(self, entries: Sequence[Entry], done: Done | None = None) -> None:
        """Has records appended together and decided; see `Intake.put`."""
        self.intake.put(entries, done)

    @property
    def ended(self) -> bool:
        """Whether the engine takes nothing any more."""
        return self._stopping or bool(self._died_of)

    def _append_and_wait(self, entries: Sequence[Entry]) -> int:
        """Has records appended and decided; gives the ordinal of the first once they are in the log.

        Raises:
            OSError: the log cannot be written, or too many records wait.
        """
        found: list[tuple[int, str]] = []
        done = threading.Event()

        def note(end: int, problem: str) -> None:
            found.append((end, problem))
            done.set()

        try:
            self.put(entries, note)
        except IntakeFullError as error:
            raise OSError(str(error)) from error
        while not done.wait(RETRY_SECONDS):
            if self.ended:
                raise OSError("the engine has ended")
        end, problem = found[0]
        if problem:
            raise OSError(problem)
        return end - len(entries)

    def close(self) -> None:
        """Ends the thread after its batch, writes the state, and closes the logs."""
        self._stopping = True
        self._checkpoints.end()
        self.intake.wake()
        if self._thread.is_alive():
            self._thread.join()
        self._checkpoints.close()
        close_writers(self._folder)

    def _run(self) -> None:
        try:
            self._recover()
            self.problem = ""
            while not self._stopping:
                self._step()
            self._checkpoints.write_last(self._stages.checkpoint)
        except BaseException as error:
            self._died_of = f"{type(error).__name__}: {error}"
            self.problem = f"state: the engine ended: {self._died_of}"
            log.critical("the engine ended", exc_info=error)
            self._died()

    def _step(self) -> None:
        if left := self._pace.seconds_left(self.intake.records):
            time.sleep(left)
        idle = IDLE_SECONDS_MAX if self._pace.is_idle else IDLE_SECONDS
        taken = self.intake.take(self._settings.bundle_events_max, self._settings.bundle_bytes_max, idle)
        if taken and (records := self._append_taken(taken)):
            self._process(records)
        if time.monotonic() - self._imported_at >= IDLE_SECONDS:
            self._imported_at = time.monotonic()
            for records in self._imported():
                self._process(records)
        if time.monotonic() - self._came_at >= SETTLE_SECONDS:
            self._settle()
        self._look_after()

    def _append_taken(self, taken: list[Waiting]) -> list[LogRecord]:
        entries = [entry for waiting in taken for entry in waiting.entries]
        self._pace.taken(len(entries))
        at_ms = int(self._clock() * 1000)
        try:
            first = self._input.append_at(entries, at_ms)
        except OSError as error:
            self._note_problem(error)
            self._refuse(taken)
            return []
        self.write_problem = ""
        end = first
        for waiting in taken:
            end += len(waiting.entries)
            if waiting.done is not None:
                waiting.done(end, "")
        return _records(entries, first, at_ms)

    def _note_problem(self, error: OSError) -> None:
        self.write_problem = f"the log cannot be written: {error.strerror}"
        self._failed_at = time.monotonic()

    def _refuse(self, taken: Sequence[Waiting]) -> None:
        """Says of records that they are not in the log."""
        for waiting in taken:
            if waiting.done is not None:
                waiting.done(-1, self.write_problem)

    def _imported(self) -> Iterator[list[LogRecord]]:
        """Copies what the other logs hold for the engine into the input, and gives it as it stands there."""
        for name, reader in self._sources.items():
            reader.refresh()
            if not reader.is_behind or not (found := reader.read(self._settings.bundle_events_max)):
                continue
            entries = [
                Entry(each.topic, each.key, each.value, (*each.headers, (FROM_HEADER, f"{name}:{each.ordinal + 1}".encode())))
                for each in found
            ]
            at_ms = int(self._clock() * 1000)
            try:
                first = self._input.append_at(entries, at_ms)
            except OSError as error:
                self._note_problem(error)
                reader.seek(found[0].ordinal)
                continue
            self._checkpoints.positions[name] = reader.position
            yield _records(entries, first, at_ms)

    def _process(self, records: list[LogRecord]) -> None:
        """Decides records that stand in the log, and writes and answers what comes of it."""
        outcome = self._outcome_of(records)
        end = records[-1].ordinal + 1
        if outcome.entries:
            self._write_outcome(outcome.entries, end)
        self._checkpoints.moved(end)
        if outcome.replies:
            self._answer(outcome.replies)

    def _outcome_of(self, records: Sequence[LogRecord]) -> Outcome:
        whole = Outcome([], [])
        for kind, run in groupby(records, key=_kind_of):
            part = list(run)
            if kind == "control":
                self._stages.control(part)
            elif kind:
                self._lists.until = part[0].ordinal
                outcome = self._stages.events(part) if kind == "events" else self._stages.told(kind, part)
                whole.entries.extend(outcome.entries)
                whole.replies.extend(outcome.replies)
                if kind == "events":
                    whole.entries.extend(self._absences(self._settings.disorder_ms))
                    self._came_at = time.monotonic()
                    self._checkpoints.decided(len(part))
                    self.decided += len(part)
        return whole

    def _absences(self, behind_ms: int) -> list[Entry]:
        """The absences that have come true, where event time is so far behind the newest event."""
        newest_ms = self._stages.newest_ms
        return [] if newest_ms is None else self._stages.pass_time(newest_ms - behind_ms).entries

    def _settle(self) -> None:
        """Takes event time for as late as the newest event, since none has come for a while: none that is older is on its way."""
        self._came_at = math.inf
        if absences := self._absences(0):
            self._write_outcome(absences, self._checkpoints.positions[INPUT])
            self._checkpoints.moved(self._checkpoints.positions[INPUT])

    def _write_outcome(self, entries: list[Entry], end: int) -> None:
        """Appends outcomes; while the disk is full it waits, for their events are in the log and are not decided again before a restart.

        What comes meanwhile is refused, since nobody knows how long it would have to wait.
        """
        first = entries[0]
        entries[0] = Entry(first.topic, first.key, first.value, ((THROUGH_HEADER, str(end).encode()),))
        while True:
            try:
                self._output.append(entries)
                break
            except OSError as error:
                self._note_problem(error)
                if self._stopping:
                    raise
                self._refuse(self.intake.take(self._settings.bundle_events_max, self._settings.bundle_bytes_max, RETRY_SECONDS))

    def _recover(self) -> None:
        """Reads the log from the state's position on, as it was decided before the end of the process."""
        entity, user = self._checkpoints.states()
        positions = self._checkpoints.positions
        start = positions.get(INPUT, 0)
        carried = self._carried_from_before(start)
        self._lists = LogEntryFeed(LogReader(self._input.segments, ("entries",), 0), carried["entries"])
        self._stages = Stages(entity, user, 0, self._settings.profiles_bytes_max, self._clock, self._lists)
        if carried["control"]:
            self._stages.control(carried["control"])
        known = LogReader(self._input.segments, CONTROL_TOPICS, 0)
        while records := [record for record in known.read(1_000) if record.ordinal < start]:
            self._stages.control(records)
        if carried["facts"]:
            self._stages.told("facts", carried["facts"])
        self._checkpoints.forget(self._kept_from_ms())
        through = self._outcomes_through()
        self._through = self._checkpoints.outcomes_through = min(through, self._input.end)
        reader = LogReader(self._input.segments, (*_input_topics(), *TAKEN_IN), start)
        end = self._input.end
        while (records := reader.read(self._settings.bundle_events_max)) and not self._stopping:
            self.problem = f"state: the log is being read, {end - reader.position} records are left"
            self._note_sources(records)
            for part in _split(records, self._through):
                self._process_again(part)
            self._look_after()
        if through > self._input.end:
            self._start_behind_lost_events(through)
        self._sources = {
            SIDE: LogReader(segments_of(self._folder, SIDE), TAKEN_IN, positions.get(SIDE, 0)),
            INBOX: LogReader(segments_of(self._folder, INBOX), _input_topics(), positions.get(INBOX, 0)),
        }

    def _carried_from_before(self, start: int) -> dict[str, list[LogRecord]]:
        """What stood before the oldest record of the log and was appended again, for a start whose state does not know it either."""
        oldest = self._input.segments.all[0].first
        found: dict[str, list[LogRecord]] = {"control": [], "facts": [], "entries": []}
        if start < oldest:
            reader = LogReader(self._input.segments, tuple(found))
            while records := reader.read(1_000):
                for record in records:
                    if any(name == CARRIED_HEADER and int(value) < oldest for name, value in record.headers):
                        found[record.topic].append(record)
        return found

    def _start_behind_lost_events(self, through: int) -> None:
        """Writes the state behind outcomes whose events the log has lost, so that no later start takes new events for those."""
        lost = through - self._input.end
        log.warning("the machine lost power before the last %d records of the log were on the disk; send their events again", lost)
        self._checkpoints.write(self._stages.checkpoint)
        self._checkpoints.wait()

    def _process_again(self, records: list[LogRecord]) -> None:
        if records[-1].ordinal >= self._through:
            self._process(records)
            return
        self._outcome_of(records)
        self._checkpoints.moved(records[-1].ordinal + 1)

    def _written_at(self) -> float:
        """When a profile is written, in seconds since the epoch: a clock that was set back makes none look old."""
        return max(self._clock(), self._age.now_ms() / 1000)

    def _kept_from_ms(self) -> int:
        """Nothing can ask for profiles that were written last before it. 0 where there are no definitions yet."""
        release = self._stages.decode.definitions.newest
        return 0 if release is None else self._age.now_ms() - kept_ms(release)

    def _outcomes_through(self) -> int:
        """The ordinal up to which outcomes stand in the output log, from the state's position on."""
        positions = self._checkpoints.positions
        through = positions.get(INPUT, 0)
        reader = LogReader(self._output.segments, ("decisions", "late", "dead-letters", "alerts"), positions.get(OUTPUT, 0))
        while records := reader.read(10_000):
            for record in records:
                for name, value in record.headers:
                    if name == THROUGH_HEADER:
                        through = max(through, int(value))
        return through

    def _note_sources(self, records: Sequence[LogRecord]) -> None:
        """Remembers how far other logs were copied into the input before the end of the process."""
        positions = self._checkpoints.positions
        for record in records:
            for name, value in record.headers:
                if name == FROM_HEADER:
                    source, _, position = value.decode().rpartition(":")
                    positions[source] = max(positions.get(source, 0), int(position))

    def _look_after(self) -> None:
        """Writes a checkpoint, and removes old segments, where it is time."""
        if self.write_problem and time.monotonic() - self._failed_at >= CLEAR_SECONDS and self._has_room():
            self.write_problem = ""
        if time.monotonic() - self._kept_at > KEEP_SECONDS:
            self._keep()
        if time.monotonic() - self._forgot_at > FORGET_SECONDS:
            self._forgot_at = time.monotonic()
            self._checkpoints.forget_later(self._kept_from_ms())
        if self._checkpoints.is_due:
            self._checkpoints.write(self._stages.checkpoint)

    def _has_room(self) -> bool:
        """Whether the disk would take records again: callers may wait for that to be said before they send any."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize >= ROOM_BYTES

    def _keep(self) -> None:
        """Removes segments of the logs that are older than `log_kept_days` or beyond `log_bytes_max`, and belong to no later start."""
        self._kept_at = time.monotonic()
        for name, writer in ((INPUT, self._input), (OUTPUT, self._output)):
            keep_within(writer, self._settings, self._age.now_ms(), self._checkpoints.written.get(name, 0))


def _input_topics() -> tuple[str, ...]:
    return tuple(topic for topic, logs in LOGS_OF.items() if INPUT in logs)


def _kind_of(record: LogRecord) -> str:
    """How the engine takes in a record; '' when it does not."""
    if record.topic in CONTROL_TOPICS:
        return "control"
    return record.topic if record.topic == "events" or record.topic in TOLD_TOPICS else ""


def _records(entries: Sequence[Entry], first: int, at_ms: int) -> list[LogRecord]:
    return [LogRecord(first + number, at_ms, *entry) for number, entry in enumerate(entries)]


def _split(records: list[LogRecord], at: int) -> list[list[LogRecord]]:
    """The records before the ordinal `at`, and those from it on."""
    parts = [record for record in records if record.ordinal < at], [record for record in records if record.ordinal >= at]
    return [part for part in parts if part]
