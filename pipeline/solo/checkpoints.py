"""Checkpoints of a solo system: what its stages changed is written together with the positions of the logs that it was made from.

They are written by a thread of their own, so that decisions wait for no disk.
"""

import logging
import os
import pathlib
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Mapping

from foundation.refusal import Refusal
from pipeline.log.log_folder import INPUT, OUTPUT
from pipeline.log.writer import LogWriter
from pipeline.solo.state_file import STAGES, Changes, StageState, StateFile

log = logging.getLogger(__name__)

SECONDS = 1.0
EVENTS = 20_000
"""About what is decided in a second under full load. A profile is written once a checkpoint, however often it changes before."""
RETRY_SECONDS = 0.2
NICENESS = 10
"""Of the thread that writes. While it has the core that a decision needs, that decision waits twice as long."""


class Checkpoints:
    """Writes a checkpoint every `SECONDS` in which something came, or `EVENTS` events. Only the engine's thread may use it once that runs.

    Args:
        path: of the state file.
        logs: the writers of `INPUT` and `OUTPUT`, which have to hold what a checkpoint was made from before it counts.
        clock: seconds since the epoch; tells when a profile was written.

    Attributes:
        positions: how far each log was taken in, by its name; the next checkpoint holds them.
        outcomes_through: ordinal of the input up to which outcomes stood in the output at the start. While the log is read again up to
            there, a checkpoint keeps the position of the output from which the next start finds them.
        written: the positions of the last checkpoint that was written: a start reads the logs from there.

    Raises:
        Refusal: the file is damaged or of another version.
    """

    def __init__(self, path: pathlib.Path, logs: Mapping[str, LogWriter], clock: Callable[[], float]) -> None:
        self._path = path
        self._logs = logs
        self._file = StateFile(path, clock)
        self.positions = self._file.positions()
        self.outcomes_through = 0
        self.written = dict(self.positions)
        self._states: dict[str, StageState] = {}
        self._writing: threading.Thread | None = None
        self._written_at = time.monotonic()
        self._events = 0
        self._moved = False
        self._forget_before_ms = 0
        self._ending = False

    def require_logs(self) -> None:
        """Lets logs pass that reach as far as the last checkpoint says.

        Raises:
            Refusal: they end before; so they are not the logs that it was made from, or a part of them is lost.
        """
        for name, writer in self._logs.items():
            expected = self.positions.get(name, 0)
            if expected > writer.end:
                raise Refusal(
                    "log shorter than its state",
                    where=str(writer.segments.folder),
                    expected=f"at least {expected} records, which {self._path} was made from",
                    got=f"{writer.end} records",
                    remedy="put back both from one backup; or remove the state file, and the log that is there is replayed",
                )

    def states(self) -> tuple[StageState, StageState]:
        """Gives new states of the entity stage and the user stage, as of the last checkpoint, for the engine's thread."""
        self._states = self._file.stages()
        entity, user = (self._states[name] for name in STAGES)
        return entity, user

    def forget(self, before_ms: int) -> None:
        """Removes the profiles that were written last before `before_ms`; only while no checkpoint is written."""
        _say_forgotten(self._file.forget(before_ms))

    def forget_later(self, before_ms: int) -> None:
        """Has the next checkpoint, which is then due soon, forget profiles too."""
        self._forget_before_ms = before_ms

    def moved(self, position: int) -> None:
        """Notes that the input was decided up to `position`."""
        self._moved = True
        self.positions[INPUT] = position

    def decided(self, events: int) -> None:
        """Notes that so many events more were decided."""
        self._events += events

    @property
    def is_due(self) -> bool:
        """Whether a checkpoint is to be written now."""
        if not (self._moved or self._forget_before_ms) or (self._writing is not None and self._writing.is_alive()):
            return False
        return self._events >= EVENTS or time.monotonic() - self._written_at >= SECONDS

    def write(self, save: Callable[[], None]) -> None:
        """Begins to write a checkpoint. `save` makes the stages write their states what these lack; the one before has to be written."""
        for state in self._states.values():
            state.left()
        save()
        changes = {name: state.leave() for name, state in self._states.items()}
        if self.positions.get(INPUT, 0) >= self.outcomes_through:
            self.positions[OUTPUT] = self._logs[OUTPUT].end
        positions = dict(self.positions)
        self._events, self._moved, self._written_at = 0, False, time.monotonic()
        before_ms, self._forget_before_ms = self._forget_before_ms, 0
        self._writing = threading.Thread(target=self._write, args=(changes, positions, before_ms), name="state", daemon=True)
        self._writing.start()

    def wait(self) -> None:
        """Returns once the checkpoint that is being written is written."""
        if self._writing is not None:
            self._writing.join()

    def write_last(self, save: Callable[[], None]) -> None:
        """Begins to write a checkpoint as `write` does, if there is anything to write, after the one that is being written."""
        self.wait()
        if self._moved:
            self.write(save)

    def end(self) -> None:
        """Lets a checkpoint that cannot be written be tried no more."""
        self._ending = True

    def close(self) -> None:
        """Waits for the last checkpoint and closes the file."""
        self.wait()
        self._file.close()

    def _write(self, changes: dict[str, Changes], positions: dict[str, int], before_ms: int) -> None:
        """Writes the state once the logs hold what it was made from; tries again until it is written, or the engine ends.

        After it profiles go that were written last before `before_ms`.
        """
        _give_way()
        while True:
            try:
                for writer in self._logs.values():
                    writer.sync()
                self._file.write(changes, positions)
                self.written = positions
                if before_ms:
                    _say_forgotten(self._file.forget(before_ms))
                return
            except (OSError, sqlite3.Error) as error:
                log.warning("the state could not be written, and it is tried again: %s", error)
                if self._ending:
                    return
                time.sleep(RETRY_SECONDS)


def _give_way() -> None:
    """Lets those threads go first for which somebody waits. On Linux, niceness is a thread's own."""
    if sys.platform == "linux":
        os.nice(NICENESS)


def _say_forgotten(profiles: int) -> None:
    if profiles:
        log.info("%d profiles were not written for longer than they are kept, and are forgotten", profiles)
