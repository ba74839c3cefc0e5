"""Tries uploaded definitions in the process that asks, where a trial may cost and break what it likes: a test's."""

import threading

from api.trials.trial import Trial, Verdict, tried, verdict_of
from api.trials.trials import Trials


class InlineTrials(Trials):
    """Runs trials in the threads that ask for them, one after the other.

    A trial takes the interpreter from decisions, and has no bound on its memory beside that of its process. In return there is no process
    to be started, which takes five seconds of CPU: for the tests of a configuration more than all else together.
    """

    def __init__(self, memory_mib: int) -> None:
        self._memory_mib = memory_mib
        self._turn = threading.Lock()

    def prepare(self) -> None:
        """Does nothing: a process that decides has loaded most of what trials need."""

    def verdict_on(self, trial: Trial) -> Verdict:
        """Runs a trial in this thread."""
        with self._turn:
            return tried(lambda: verdict_of(trial), self._memory_mib)

    def close(self) -> None:
        """Does nothing: trials end with their threads."""
