"""Compiles releases in one thread of the process, in slices with pauses between them: who decides meanwhile is not held up.

All stages of a process, and its API, ask here, so that a release is compiled once for all of them.
"""

import contextlib
import gc
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from detectors.catalogue import RIVER
from detectors.river.state_table import classes
from patterns.predicates.slices import Slices
from pipeline.engine.definitions.release import Release, release_in_slices

SWITCH_SECONDS = 0.0005
"""How long the compiling thread holds the interpreter while others wait for it; Python's default of 5 ms would be felt by decisions."""
PAUSE_SECONDS = 0.001
"""The pause after a slice, at least: a lock that is released and taken again at once goes to nobody else."""
LONGEST_PAUSE_SECONDS = 0.02
KEPT = 8

_Key = tuple[int, tuple[str, ...], tuple[str, ...]]
_lock = threading.Lock()
_made: OrderedDict[_Key, "Compiling"] = OrderedDict()
_turn = threading.Lock()
"""Releases are compiled one after the other, since they share most of what they are made of."""


class Compiling:
    """A release that is being compiled in a thread, or was.

    Args:
        texts: gives those of its parts, by part.
    """

    def __init__(self, id: int, texts: Callable[[], Mapping[str, str]]) -> None:
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
        self._future: Future[Release] = Future()
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(id, texts), name=f"compiling release {id}", daemon=True)
        self._thread.start()

    def done(self) -> bool:
        """Tells whether the release is compiled, or refused."""
        return self._future.done()

    def result(self, hurry: bool = False) -> Release:
        """Waits for the release.

        Args:
            hurry: compile the rest without a pause, since somebody's events wait for it.

        Raises:
            Refusal: it does not compile.
        """
        if hurry:
            self._hurried.set()
        return self._future.result()

    def _run(self, id: int, texts: Callable[[], Mapping[str, str]]) -> None:
        try:
            with _turn:
                release = self._through(release_in_slices(id, texts()))
                _load_river_for(release)
                self._future.set_result(release)
        except BaseException as error:  # whoever waits gets it
            self._future.set_exception(error)

    def _through(self, slices: Slices[Release]) -> Release:
        """Runs the slices. The collector of garbage does not look at what they make: it would stop all threads for that."""
        was_on = gc.isenabled()
        gc.disable()
        try:
            while True:
                began = time.perf_counter()
                next(slices)
                self._hurried.wait(min(max(PAUSE_SECONDS, time.perf_counter() - began), LONGEST_PAUSE_SECONDS))
        except StopIteration as end:
            release: Release = end.value
            return release
        finally:
            if was_on:
                gc.freeze()
                gc.enable()


def _load_river_for(release: Release) -> None:
    """Imports River here if the release has models of it: that takes seconds, which else the first snapshot would take from decisions."""
    if any(model.model in RIVER for model in release.models):
        with contextlib.suppress(ValueError):  # of another version; whoever reads a snapshot says so
            classes()


def compiling(id: int, parts: Mapping[str, str], texts: Callable[[], Mapping[str, str]]) -> Compiling:
    """Begins to compile a release unless somebody has begun; returns at once.

    Args:
        parts: the hashes of the texts, by part.
        texts: gives them, by part; it is called in the thread that compiles.
    """
    key = _key(id, parts)
    with _lock:
        found = _made.get(key)
        if found is None:
            found = _made[key] = Compiling(id, texts)
        _made.move_to_end(key)
        while len(_made) > KEPT:
            _made.popitem(last=False)
        return found


def begun(id: int, parts: Mapping[str, str]) -> Compiling | None:
    """Returns what `compiling` has begun for another stage of the process; None if nobody has asked for it yet."""
    with _lock:
        return _made.get(_key(id, parts))


def _key(id: int, parts: Mapping[str, str]) -> _Key:
    return id, tuple(parts), tuple(parts.values())
