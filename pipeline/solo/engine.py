"""The engine of a solo system: a thread that appends what comes to the log, decides it in the order of the log, and answers.

An event is in the log before its answer leaves. What the engine knows follows from the log alone: the state file holds it as of some
position, and at a start the log is read again from there. Decisions that stand in the output log already are not written twice.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from foundation.age_clock import AgeClock
from foundation.settings import Settings
from pipeline.engine.definitions.keeping import kept_ms
from pipeline.log.frame import Entry, LogRecord
from pipeline.log.log_folder import INBOX, INPUT, LOGS, LOGS_OF, OUTPUT, SIDE, TAKEN_IN, close_writers, segments_of, take_over
from pipeline.log.reader import LogReader
from pipeline.log.writer import LogWriter
from pipeline.solo.arrivals import Arrivals, note_copied
from pipeline.solo.checkpoints import RETRY_SECONDS, Checkpoints
from pipeline.solo.decider import Decider
from pipeline.solo.disk_problem import DiskProblem
from pipeline.solo.entry_feed import LogEntryFeed
from pipeline.solo.intake import Done, Intake
from pipeline.solo.keeping import keep_within
from pipeline.solo.outcome_log import marked, outcomes_through
from pipeline.solo.recovery import Carried, control_before, split_at
from pipeline.solo.stages import Outcome, Stages

log = logging.getLogger(__name__)

KEEP_SECONDS = 60.0
FORGET_SECONDS = 6 * 3_600.0
"""How often profiles are looked for that are not kept any longer: each time all of them are looked at."""
STATE = ("solo", "state.db")
AGE = ("solo", "age")
_INPUT_TOPICS = tuple(topic for topic, logs in LOGS_OF.items() if INPUT in logs)

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
        self._settings = settings
        self._folder = settings.path(*LOGS)
        self._answer = answer
        self._died = died
        self._clock = clock
        self._age = AgeClock(settings.path(*AGE), clock)
        self._stopping = False
        self._died_of = ""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._kept_at = self._forgot_at = time.monotonic()
        self._disk = DiskProblem(self._folder)
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
        take_over(self._folder, logs, lambda entries: self.intake.put_and_wait(entries, lambda: self.ended))
        self._checkpoints = Checkpoints(self._settings.path(*STATE), logs, self._written_at)
        self._checkpoints.require_logs()
        self._arrivals = Arrivals(self.intake, self._input, self._checkpoints.positions, self._disk, self._settings, self._clock)

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

    @property
    def write_problem(self) -> str:
        """Why the logs cannot be written; '' while they can be."""
        return self._disk.text

    @property
    def decided(self) -> int:
        """How many events were decided since the start, those included that are decided again from the log."""
        return self._decider.decided

    def close(self) -> None:
        """Ends the thread after its batch, writes the state, and closes the logs."""
        self._stopping = True
        self._checkpoints.end()
        self.intake.wake()
        if self._thread.is_alive():
            self._thread.join()
        self._arrivals.close()
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
        if records := self._arrivals.appended():
            self._process(records)
        for records in self._arrivals.copied():
            self._process(records)
        if absences := self._decider.settled():
            self._write_outcome(absences, self._checkpoints.positions[INPUT])
            self._checkpoints.moved(self._checkpoints.positions[INPUT])
        self._look_after()

    def _process(self, records: Sequence[LogRecord]) -> None:
        """Decides records that stand in the log, and writes and answers what comes of it."""
        outcome = self._outcome_of(records)
        end = records[-1].ordinal + 1
        if outcome.entries:
            self._write_outcome(outcome.entries, end)
        self._checkpoints.moved(end)
        if outcome.replies:
            self._answer(outcome.replies)

    def _outcome_of(self, records: Sequence[LogRecord]) -> Outcome:
        before = self._decider.decided
        outcome = self._decider.outcome_of(records)
        self._checkpoints.decided(self._decider.decided - before)
        return outcome

    def _write_outcome(self, outcomes: Sequence[Entry], end: int) -> None:
        """Appends outcomes; while the disk is full it waits, for their events are in the log and are not decided again before a restart.

        What comes meanwhile is refused, since nobody knows how long it would have to wait.
        """
        entries = marked(outcomes, end)
        while True:
            try:
                self._output.append(entries)
                break
            except OSError as error:
                self._disk.note(error)
                if self._stopping:
                    raise
                self._arrivals.refuse_for(RETRY_SECONDS)

    def _recover(self) -> None:
        """Reads the log from the state's position on, as it was decided before the end of the process."""
        start = self._checkpoints.positions.get(INPUT, 0)
        self._begin(start)
        self._checkpoints.forget(self._kept_from_ms())
        through = outcomes_through(self._output.segments, self._checkpoints.positions.get(OUTPUT, 0), start)
        self._through = self._checkpoints.outcomes_through = min(through, self._input.end)
        self._read_again(start)
        if through > self._input.end:
            self._start_behind_lost_events(through)
        self._arrivals.follow({SIDE: self._reader(SIDE, TAKEN_IN), INBOX: self._reader(INBOX, _INPUT_TOPICS)}, self._stages.are_ready)

    def _begin(self, start: int) -> None:
        """Makes the stages, with all that they know before the ordinal `start`."""
        entity, user = self._checkpoints.states()
        carried = Carried(self._input.segments, start)
        lists = LogEntryFeed(LogReader(self._input.segments, ("entries",), 0), carried.entries)
        self._stages = Stages(entity, user, 0, self._settings.profiles_bytes_max, self._clock, lists)
        self._decider = Decider(self._stages, lists, self._settings.disorder_ms)
        if carried.control:
            self._stages.control(carried.control)
        for records in control_before(self._input.segments, start):
            self._stages.control(records)
        if carried.facts:
            self._stages.told("facts", carried.facts)

    def _read_again(self, start: int) -> None:
        """Decides what the log holds from the ordinal `start` on; outcomes that stand in the output are not written again."""
        reader, end = LogReader(self._input.segments, (*_INPUT_TOPICS, *TAKEN_IN), start), self._input.end
        while (records := reader.read(self._settings.bundle_events_max)) and not self._stopping:
            self.problem = f"state: the log is being read, {end - reader.position} records are left"
            note_copied(records, self._checkpoints.positions)
            for part in split_at(records, self._through):
                self._process_again(part)
            self._look_after()

    def _reader(self, name: str, topics: Sequence[str]) -> LogReader:
        """Returns a reader of the log of another process, from where it was copied up to."""
        return LogReader(segments_of(self._folder, name), topics, self._checkpoints.positions.get(name, 0))

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

    def _look_after(self) -> None:
        """Writes a checkpoint, and removes old segments, where it is time."""
        self._disk.look_again()
        if time.monotonic() - self._kept_at > KEEP_SECONDS:
            self._keep()
        if time.monotonic() - self._forgot_at > FORGET_SECONDS:
            self._forgot_at = time.monotonic()
            self._checkpoints.forget_later(self._kept_from_ms())
        if self._checkpoints.is_due:
            self._checkpoints.write(self._stages.checkpoint)

    def _keep(self) -> None:
        """Removes segments of the logs that are older than `log_kept_days` or beyond `log_bytes_max`, and belong to no later start."""
        self._kept_at = time.monotonic()
        for name, writer in ((INPUT, self._input), (OUTPUT, self._output)):
            keep_within(writer, self._settings, self._age.now_ms(), self._checkpoints.written.get(name, 0))
