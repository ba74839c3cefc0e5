"""Events that a thread decides one after the other, as a worker of Flink does, and what each decision costs. For benchmarks only."""

import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.trial.one_process import ControlRecord, OneProcess

AT_ONCE = 256


class Stream:
    """Decides events in a thread, one after the other, and takes control records between them.

    Attributes:
        decisions, controls: CPU seconds of the whole process during each decision, and during each bundle of control records: those of the
            working thread while it holds the interpreter are among them.
        walls: seconds of each decision by the clock.
        newest: the last decision.

    Args:
        texts: of release 1, by part.
        event: makes the event with an id.
        control: records that are there before the first event.
    """

    def __init__(self, texts: dict[str, str], event: Callable[[int], bytes], control: Sequence[ControlRecord] = ()) -> None:
        self.job = OneProcess()
        self._event = event
        for stage in (self.job.decode, self.job.entity, self.job.user):
            stage.definitions.compile_beside(defer=True)
        self.job.release(1, texts)
        self.job.control(control)
        self.decisions: list[float] = []
        self.walls: list[float] = []
        self.controls: list[float] = []
        self.newest: dict[str, Any] = {}
        self._bundles: deque[list[ControlRecord]] = deque()
        self._ended = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def take(self, records: list[ControlRecord]) -> None:
        """Has records taken in, some hundred at a time."""
        self._bundles.extend(records[at : at + AT_ONCE] for at in range(0, len(records), AT_ONCE))

    def end(self) -> None:
        self._ended = True
        self._thread.join()

    def _run(self) -> None:
        id = 0
        while not self._ended:
            if self._bundles:
                self.controls.append(cpu_of(lambda: self.job.control(self._bundles.popleft())))
                continue
            id += 1
            self.job.out.clear()
            began = time.perf_counter()
            values = [self._event(id)]
            self.decisions.append(cpu_of(functools.partial(self.job.events, values)))
            self.walls.append(time.perf_counter() - began)
            self.newest = self.job.decisions()[-1]
            if id % 500 == 0:
                self.job.checkpoint()
            time.sleep(0.0005)


def cpu_of(run: Callable[[], object]) -> float:
    """Returns the CPU seconds that the process has had while `run` ran."""
    began = time.process_time()
    run()
    return time.process_time() - began
