"""Tries uploaded definitions in a process of their own, so that their cost does not delay decisions."""

import contextlib
import logging
import math
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection

import msgspec

from api.http.problem import Problem
from api.trials.trial import CPU_FACTOR, Trial, Verdict, cpu_ms_of
from api.trials.trials import Trials
from foundation.refusal import Refusal
from pipeline.control.child_process import Child

log = logging.getLogger(__name__)

NICENESS = 10
START_SECONDS = 60.0
"""How long an upload waits until the process is ready. If the kernels are not in the cache, the process compiles them for minutes."""
END_SECONDS = 5.0
_PATIENCE = 20
"""On a busy machine a trial may take so many times its CPU time."""


class ProcessTrials(Trials):
    """One warm process with a low priority, which is started again when it ends.

    A thread of this object starts the process and talks to it, and the kernel kills the process when that thread ends.

    Args:
        memory_mib_max: the memory of a trial in MiB, approximately.
        cpu_ms_max: the CPU time of a trial in ms, as the process measures it.
        unused_seconds_max: how long the process is kept after a trial. It takes 200 MB, so that one that is seldom needed is better
            started by the upload that needs it, which then waits some seconds for it.

    Attributes:
        ready: whether the process has loaded everything, so that uploads no longer wait for that.
    """

    def __init__(self, memory_mib_max: int, cpu_ms_max: int, unused_seconds_max: float = math.inf) -> None:
        self._memory_mib_max = memory_mib_max
        self._cpu_ms_max = CPU_FACTOR * cpu_ms_max
        """Of a trial without rules."""
        self._unused_seconds_max = unused_seconds_max
        self._used_at = 0.0
        self._thread = ThreadPoolExecutor(1, "trials")
        self._child: Child | None = None
        self.ready = False
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The id of the process; None if there is none."""
        return self._child.pid if self._child is not None else None

    def start(self) -> Future[None]:
        """Starts the process in the background, so that the first trial need not wait for all of its start."""
        return self._thread.submit(self._start_quietly)

    def prepare(self) -> None:
        """Starts the process in the background, unless it is only there while it is used."""
        if self._unused_seconds_max == math.inf:
            self.start()

    def verdict_on(self, trial: Trial) -> Verdict:
        """Runs a trial in the process. Blocks.

        Raises:
            Problem: 503, there is no process to run it.
        """
        return self._thread.submit(self._try, msgspec.msgpack.encode(trial), cpu_ms_of(trial, self._cpu_ms_max)).result()

    def close(self) -> None:
        """Ends the process; a trial that is running is refused."""
        self._closed = True
        if (child := self._child) is not None:
            child.kill()
        self._thread.submit(self._end).result()
        self._thread.shutdown()

    def _try(self, trial: bytes, cpu_ms: int) -> Verdict:
        try:
            return self._tried(trial, cpu_ms)
        finally:
            self._end_when_unused()

    def _tried(self, trial: bytes, cpu_ms: int) -> Verdict:
        connection = self._started()
        try:
            connection.send_bytes(trial)
            if not connection.poll(_PATIENCE * cpu_ms / 1_000 + 10.0) and self._child is not None:
                self._child.kill()
            verdict = msgspec.msgpack.decode(connection.recv_bytes(), type=Verdict)
        except (EOFError, OSError):
            return Verdict(self._refusal(self._end(), cpu_ms).fields(), False)
        if verdict.is_last:
            self._end()
            self._start_again()
        return verdict

    def _refusal(self, ended: str, cpu_ms: int) -> Refusal:
        self._start_again()
        log.warning("definitions are refused, because the process that tried them ended: %s", ended)
        return Refusal(
            "release ends the process that tries it",
            where="release",
            expected=f"at most {self._memory_mib_max} MiB and {cpu_ms} ms of CPU to compile it and to decide on synthetic events",
            got=ended,
            remedy="split the longest definitions, or raise the bounds WEIR_COMPILE_MEMORY_MIB_MAX and WEIR_COMPILE_CPU_MS_MAX",
        )

    def _end_when_unused(self) -> None:
        """Has the process ended once it was not used for `unused_seconds_max`."""
        self._used_at = time.monotonic()
        if self._unused_seconds_max == math.inf or self._closed:
            return
        timer = threading.Timer(self._unused_seconds_max, self._submit_end)
        timer.daemon = True
        timer.start()

    def _submit_end(self) -> None:
        with contextlib.suppress(RuntimeError):  # the thread takes no more work, because the server is ending
            self._thread.submit(self._end_if_unused)

    def _end_if_unused(self) -> None:
        if time.monotonic() - self._used_at >= self._unused_seconds_max and self._child is not None:
            self._end()

    def _start_again(self) -> None:
        if self._unused_seconds_max < math.inf:
            return
        with contextlib.suppress(RuntimeError):  # the thread takes no more work, because the server is ending
            self.start()

    def _start_quietly(self) -> None:
        with contextlib.suppress(Problem):  # the next trial raises it again
            self._started()

    def _started(self) -> Connection:
        """The connection to a process that is ready.

        Raises:
            Problem: 503, the process does not start.
        """
        if self._closed:
            raise Problem(503, "definitions cannot be tried any more, because the server is ending")
        if self._child is not None and self._child.has_ended():
            log.warning("the process that tries definitions ended and is started again: %s", self._end())
        try:
            if self._child is None:
                self._child = Child("api.trials.trial_child", NICENESS, self._memory_mib_max, self._cpu_ms_max)
            connection = self._child.connection
            if not self.ready:
                if not connection.poll(START_SECONDS):
                    raise Problem(503, "the process that tries definitions is still starting", [(b"retry-after", b"5")])
                connection.recv_bytes()  # READY, or the process ended
                self.ready = True
        except (EOFError, OSError) as error:
            ended = self._end()
            log.error("the process that tries definitions could not be started: %s, %s", error, ended)
            raise Problem(503, f"definitions cannot be tried now: {ended}", [(b"retry-after", b"5")]) from error
        return connection

    def _end(self) -> str:
        """Ends the process if it has not ended; gives how it ended. It is ending already, or ends when it finds the connection closed."""
        child, self._child, self.ready = self._child, None, False
        return "it was not started" if child is None else child.end(END_SECONDS)
