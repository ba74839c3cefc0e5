"""What waits for the engine of a solo system: batches of records from any thread, within bounds."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.log.frame import Entry

RECORDS_MAX = 20_000
BYTES_MAX = 64 << 20
LOOK_SECONDS = 0.2
"""How often somebody who waits for the log looks whether the engine has ended."""

Done = Callable[[int, str], None]
"""Is called in the engine's thread with the ordinal after the batch once it is in the log, and ''; or with -1 and why it is not."""


class IntakeFullError(Exception):
    """As many records wait as may; the caller may try again in a moment."""


class Waiting(NamedTuple):
    """Records that are appended together, or not at all. `done` may be None when nobody wants to know."""

    entries: Sequence[Entry]
    bytes: int
    done: Done | None


class Intake:
    """The queue itself. Records that come from one thread keep their order."""

    def __init__(self, records_max: int = RECORDS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._waiting: deque[Waiting] = deque()
        self._records = 0
        self._bytes = 0
        self._is_woken = False
        self._changed = threading.Condition()

    def put(self, entries: Sequence[Entry], done: Done | None = None) -> None:
        """Adds a batch and returns at once. A batch that is greater than the bounds is taken when nothing else waits.

        Raises:
            IntakeFullError: too many records, or too many bytes of them, wait.
        """
        size = sum(len(entry.key) + len(entry.value or b"") for entry in entries)
        with self._changed:
            if self._waiting and (self._records + len(entries) > self._records_max or self._bytes + size > self._bytes_max):
                raise IntakeFullError(f"{self._records} records wait for the engine, which is the most that it takes")
            self._waiting.append(Waiting(entries, size, done))
            self._records += len(entries)
            self._bytes += size
            self._changed.notify()

    def put_and_wait(self, entries: Sequence[Entry], has_ended: Callable[[], bool]) -> int:
        """Adds a batch, waits until it is in the log, and gives the ordinal of its first record.

        Args:
            has_ended: tells whether the engine takes nothing any more.

        Raises:
            OSError: the log cannot be written, too many records wait, or the engine has ended.
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
        while not done.wait(LOOK_SECONDS):
            if has_ended():
                raise OSError("the engine has ended")
        end, problem = found[0]
        if problem:
            raise OSError(problem)
        return end - len(entries)

    def take(self, records_max: int, bytes_max: int, seconds: float) -> list[Waiting]:
        """The oldest batches, at least one where there is one, within the bounds; waits up to `seconds` for the first."""
        with self._changed:
            if not self._waiting and not self._is_woken:
                self._changed.wait(seconds)
            self._is_woken = False
            taken: list[Waiting] = []
            records = bytes_ = 0
            while self._waiting and (not taken or (records + len(self._waiting[0].entries) <= records_max and bytes_ <= bytes_max)):
                taken.append(self._waiting.popleft())
                records += len(taken[-1].entries)
                bytes_ += taken[-1].bytes
            self._records -= records
            self._bytes -= bytes_
            return taken

    @property
    def records(self) -> int:
        """How many records wait."""
        return self._records

    def wake(self) -> None:
        """Makes the `take` that waits return, or else the next one."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()
