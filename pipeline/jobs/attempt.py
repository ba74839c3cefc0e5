"""One attempt of a job: its process is started, watched, and stopped when the job is cancelled, breaks a bound or is another worker's."""

import contextlib
import logging
import pathlib
import time
from collections.abc import Callable

import msgspec

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.child_process import MIB, Child
from pipeline.jobs.job_child import too_much_memory
from pipeline.jobs.job_kind import JobKind
from pipeline.jobs.job_messages import Advanced, Finished, Message, Order, Refused, Stopped, decode_message, encode
from pipeline.jobs.result_folder import bytes_in
from stores.decisions import StoreUnavailableError
from stores.jobs import JobOutcome, JobProgress, Jobs, StoredJob

log = logging.getLogger(__name__)

LEASE_MS = 15_000
LOOK_SECONDS = 0.25
"""How often it is looked whether the worker has to end."""
REPORT_SECONDS = 1.0
"""How often it is looked whether the job was cancelled, and progress is stored if there is any."""
RENEW_SECONDS = 4.0
"""How often the lease is renewed if there is no progress; each time costs a write that the disk has to confirm."""
STOP_SECONDS_MAX = 1.0
"""How long a job may take to stop when it is asked to."""
END_SECONDS_MAX = 10.0
HOURS_MAX = 24
FREE_BYTES_LEAST = 1 << 30
"""A job fails before the disk is full, because a full disk stops the broker."""


class Attempt:
    """Runs one attempt to its end.

    Args:
        jobs: the store of jobs.
        job: the job, which this worker has taken.
        folder: the folder of the attempt, which exists.
        kinds: the module whose ``KINDS`` has the job's kind.
        kind: that kind.
        settings: the settings of the system; they name the bounds of a job.
        clock: seconds since the epoch.
        is_stopping: whether the worker has to end.
        free_bytes: the free space of the disk.
    """

    def __init__(
        self,
        jobs: Jobs,
        job: StoredJob,
        folder: pathlib.Path,
        kinds: str,
        kind: JobKind,
        settings: Settings,
        clock: Callable[[], float],
        is_stopping: Callable[[], bool],
        free_bytes: Callable[[], int],
    ) -> None:
        self._jobs = jobs
        self._job = job
        self._folder = folder
        self._order = Order(kinds, job.request.kind, job.request.parameters, str(folder), settings)
        self._niceness = kind.niceness
        self._settings = settings
        self._clock = clock
        self._is_stopping = is_stopping
        self._free_bytes = free_bytes
        self._progress = JobProgress(unit=kind.unit)
        self._stored = JobProgress()
        self._is_cancelled = False
        self._is_lost = False
        self._broken: Refusal | None = None
        self._kill_at = float("inf")
        self._asked_at = self._renewed_at = time.monotonic()

    def run(self) -> JobOutcome | None:
        """Returns how the job ended; None if it did not end, because the worker has to, or because the job is no longer this worker's."""
        memory_mib = self._settings.job_memory_mib_max
        child = Child("pipeline.jobs.job_child", self._niceness, memory_mib)
        began = time.monotonic()
        try:
            child.connection.send_bytes(encode(self._order))
            said = self._watched(child, began)
        except (EOFError, OSError):  # the process ended without a word
            said = None
        how = child.end(END_SECONDS_MAX if said is not None else 0.0)
        self._report_last()
        return self._outcome(said, how)

    def is_lost(self) -> bool:
        """Whether the job is no longer this worker's."""
        return self._is_lost

    def _watched(self, child: Child, began: float) -> Message:
        """The last message of the process.

        Raises:
            EOFError: it ended without one.
        """
        while True:
            if child.connection.poll(LOOK_SECONDS):
                said = decode_message(child.connection.recv_bytes())
                if not isinstance(said, Advanced):
                    return said
                self._progress = msgspec.structs.replace(self._progress, done=said.done, total=said.total)
            now = time.monotonic()
            if now - self._asked_at >= REPORT_SECONDS:
                self._asked_at = now
                self._report(now)
                self._check_bounds(now - began)
            if self._kill_at == float("inf") and (self._is_stopping() or self._is_cancelled or self._is_lost or self._broken):
                child.ask_to_stop()
                self._kill_at = now + STOP_SECONDS_MAX
            if now >= self._kill_at:
                child.kill()

    def _report(self, now: float) -> None:
        try:
            if self._progress != self._stored or now - self._renewed_at >= RENEW_SECONDS:
                lease_until_ms = int(self._clock() * 1_000) + LEASE_MS
                job = self._jobs.report(self._job.id, self._job.attempt, self._progress, lease_until_ms)
                self._stored, self._renewed_at = self._progress, now
            else:
                job = self._jobs.get(self._job.id)
        except StoreUnavailableError as error:  # the job goes on; when the store is back, it says whose the job is
            log.warning("job %s: its progress cannot be stored now: %s", self._job.id, error)
            return
        if job is None or job.attempt != self._job.attempt or job.state != "running":
            log.warning("job %s is no longer this worker's, and is stopped here", self._job.id)
            self._is_lost = True
        else:
            self._is_cancelled = job.is_cancel_asked

    def _report_last(self) -> None:
        """Stores how far the job has come, which it may have done since the last look. Who asks after its end sees that."""
        if self._progress != self._stored and not self._is_lost:
            with contextlib.suppress(StoreUnavailableError):  # progress is only shown
                self._jobs.report(self._job.id, self._job.attempt, self._progress, int(self._clock() * 1_000) + LEASE_MS)

    def _check_bounds(self, seconds: float) -> None:
        disk_mib_max = self._settings.job_disk_mib_max
        if (used := bytes_in(self._folder)) > disk_mib_max * MIB:
            expected, remedy = f"at most {disk_mib_max} MiB of files at any moment", "ask for less at once, or raise WEIR_JOB_DISK_MIB_MAX"
            self._broken = _broken("job takes too much disk", expected, f"{used // MIB} MiB", remedy)
        elif (free := self._free_bytes()) < FREE_BYTES_LEAST:
            expected = f"at least {FREE_BYTES_LEAST // MIB} MiB of free disk"
            self._broken = _broken("disk almost full", expected, f"{free // MIB} MiB", "make room on the disk")
        elif seconds > HOURS_MAX * 3_600:
            self._broken = _broken("job takes too long", f"an end within {HOURS_MAX} hours", "none", "ask for less at once")

    def _outcome(self, said: Message | None, how: str) -> JobOutcome | None:
        if self._is_lost:
            return None
        if isinstance(said, Finished):
            return JobOutcome("done", said.found, said.file)
        if self._broken is not None:
            return JobOutcome("failed", problem=self._broken.fields())
        if isinstance(said, Refused):
            return JobOutcome("failed", problem=said.fields)
        if self._is_cancelled:
            return JobOutcome("cancelled")
        if isinstance(said, Stopped) or self._is_stopping():
            return None
        log.error("job %s: its process ended: %s", self._job.id, how)
        return JobOutcome("failed", problem=too_much_memory(self._settings.job_memory_mib_max, f"a process {how}").fields())


def _broken(what: str, expected: str, got: str, remedy: str) -> Refusal:
    return Refusal(what, where="job", expected=expected, got=got, remedy=remedy)
