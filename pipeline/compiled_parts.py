"""What was compiled of a text is remembered with the text, so that each text is compiled once a process."""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from features.refusal import Refusal

P = ParamSpec("P")
R = TypeVar("R")


def once_each(kept: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Has a function of texts remember what it gave for the `kept` latest, a refusal too. Stages that ask for one at once wait for one."""

    def remember(make: Callable[P, R]) -> Callable[P, R]:
        found: OrderedDict[tuple[object, ...], R | Refusal] = OrderedDict()
        lock = threading.RLock()

        @functools.wraps(make)
        def remembered(*texts: P.args, **named: P.kwargs) -> R:
            with lock:
                if texts not in found:
                    found[texts] = _outcome(lambda: make(*texts, **named))
                    while len(found) > kept:
                        found.popitem(last=False)
                found.move_to_end(texts)
                outcome = found[texts]
            if isinstance(outcome, Refusal):
                raise outcome.with_traceback(None)
            return outcome

        return remembered

    return remember


def _outcome(make: Callable[[], R]) -> R | Refusal:
    try:
        return make()
    except Refusal as refusal:
        return refusal
