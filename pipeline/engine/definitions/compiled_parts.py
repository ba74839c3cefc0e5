"""Compiled definitions are remembered by their texts, so that a process compiles each text once."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from foundation.refusal import Refusal

P = ParamSpec("P")
R = TypeVar("R")


class OnceEach(Generic[P, R]):
    """Calls a function of texts once for each text, and remembers its latest results, also refusals.

    Threads that ask for one result at the same time wait for one call.

    Args:
        make: the function.
        kept: how many results are remembered.
    """

    def __init__(self, make: Callable[P, R], kept: int) -> None:
        self._make = make
        self._kept = kept
        self._found: OrderedDict[tuple[object, ...], tuple[R | Refusal, float]] = OrderedDict()
        self._lock = threading.RLock()

    def __call__(self, *texts: P.args, **named: P.kwargs) -> R:
        outcome, _ = self._outcome(*texts, **named)
        if isinstance(outcome, Refusal):
            raise outcome.with_traceback(None)
        return outcome

    def seconds(self, *texts: P.args, **named: P.kwargs) -> float:
        """Returns the CPU time in seconds that the result cost, with that of other remembered parts that were first made on the way."""
        return self._outcome(*texts, **named)[1]

    def knows(self, *texts: P.args, **named: P.kwargs) -> bool:
        """Tells whether the result for these texts is remembered."""
        return texts in self._found

    def keep(self, result: R, *texts: P.args, **named: P.kwargs) -> R:
        """Remembers a result that was made elsewhere, such as in slices; returns that which is remembered, if one was before."""
        with self._lock:
            if texts not in self._found:
                self._found[texts] = result, 0.0
        return self(*texts, **named)

    def _outcome(self, *texts: P.args, **named: P.kwargs) -> tuple[R | Refusal, float]:
        with self._lock:
            if texts not in self._found:
                began = time.thread_time()
                outcome = self._made(*texts, **named)
                self._found[texts] = outcome, time.thread_time() - began
                while len(self._found) > self._kept:
                    self._found.popitem(last=False)
            self._found.move_to_end(texts)
            return self._found[texts]

    def _made(self, *texts: P.args, **named: P.kwargs) -> R | Refusal:
        try:
            return self._make(*texts, **named)
        except Refusal as refusal:
            return refusal


def once_each(kept: int) -> Callable[[Callable[P, R]], OnceEach[P, R]]:
    """Makes a function of texts remember its `kept` latest results; see `OnceEach`."""
    return lambda make: OnceEach(make, kept)
