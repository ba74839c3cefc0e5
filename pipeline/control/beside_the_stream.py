"""Runs long work in a thread of the process, in slices with pauses between them: who decides meanwhile is not held up."""

import gc
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from foundation.slices import Slices

SWITCH_SECONDS = 0.0005
"""How long the working thread holds the interpreter while others wait for it; Python's default of 5 ms would be felt by decisions."""
PAUSE_SECONDS = 0.001
"""The pause after a slice, at least: a lock that is released and taken again at once goes to nobody else."""
LONGEST_PAUSE_SECONDS = 0.02

R = TypeVar("R")


class BesideTheStream(Generic[R]):
    """Work that a thread does, or has done.

    Args:
        name: says in the thread's name what it does.
        slices: gives the work; it is called in the thread.
        turn: what the thread holds meanwhile: works with the same lock are done one after the other.
        frozen: whether what was made is kept out of the sight of the collector of garbage from then on, which is right for what stays.
    """

    def __init__(self, name: str, slices: Callable[[], Slices[R]], turn: AbstractContextManager[object], frozen: bool) -> None:
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
        self._future: Future[R] = Future()
        self._hurried = threading.Event()
        self._frozen = frozen
        self._thread = threading.Thread(target=self._run, args=(slices, turn), name=name, daemon=True)
        self._thread.start()

    def done(self) -> bool:
        """Tells whether the work is done, or has failed."""
        return self._future.done()

    def result(self, hurry: bool = False) -> R:
        """Waits for what comes of the work.

        Args:
            hurry: do the rest without a pause, since somebody's events wait for it.

        Raises:
            Exception: the work has raised it.
        """
        if hurry:
            self._hurried.set()
        return self._future.result()

    def _run(self, slices: Callable[[], Slices[R]], turn: AbstractContextManager[object]) -> None:
        try:
            with turn:
                self._future.set_result(self._through(slices()))
        except BaseException as error:  # whoever waits gets it
            self._future.set_exception(error)

    def _through(self, slices: Slices[R]) -> R:
        """Runs the slices. The collector of garbage does not look at what they make: it would stop all threads for that."""
        was_on = gc.isenabled()
        gc.disable()
        try:
            while True:
                began = time.perf_counter()
                next(slices)
                self._hurried.wait(min(max(PAUSE_SECONDS, time.perf_counter() - began), LONGEST_PAUSE_SECONDS))
        except StopIteration as end:
            made: R = end.value
            return made
        finally:
            if was_on:
                if self._frozen:
                    gc.freeze()
                gc.enable()
