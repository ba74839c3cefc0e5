"""What was compiled of a text is remembered with the text, so that each text is compiled once a process."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from foundation.refusal import Refusal

P = ParamSpec("P")
R = TypeVar("R")


class OnceEach(Generic[P, R]):
    """A function of texts that remembers what it gave for the latest, a refusal too. Those that ask for one at once wait for one.

    Args:
        make: the function.
        kept: of how many texts.
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
        """CPU that it cost to make; what other remembered parts cost on the way counts where they were not there yet."""
        return self._outcome(*texts, **named)[1]

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
    """Has a function of texts remember what it gave for the `kept` latest; see `OnceEach`."""
    return lambda make: OnceEach(make, kept)
