"""``python -m pipeline.jobs.worker`` is the worker: it does the jobs of the system one at a time, each in a process of its own."""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.child_process import MIB
from pipeline.control.job_program import run_job
from pipeline.jobs.attempt import LEASE_MS, Attempt
from pipeline.jobs.job_kind import JobKind
from pipeline.jobs.kinds import KINDS
from pipeline.jobs.result_folder import results_of
from stores.decisions import StoreUnavailableError
from stores.jobs import JobOutcome, Jobs, StoredJob
from stores.looking import CommitNumber, Looking, unknown
from stores.relational.commits import Commits
from stores.relational.database import Database
from stores.relational.jobs import RelationalJobs
from stores.relational.place import place_of

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
SWEEP_SECONDS = 60.0
ENDED_MAX = 10_000
"""So many jobs that have ended are remembered; the oldest are forgotten first."""
DAY_MS = 86_400_000


class Worker:
    """Takes jobs and does them until it is told to stop.

    Args:
        settings: the settings of the system.
        jobs: the store of jobs.
        kinds: the kinds that this worker knows, by their names.
        module: whose ``KINDS`` has them.
        clock: seconds since the epoch.
        name: the name of this worker, which its jobs show.
        commits: tells whether there may be another job.
    """

    def __init__(
        self,
        settings: Settings,
        jobs: Jobs,
        kinds: Mapping[str, JobKind],
        module: str = "pipeline.jobs.kinds",
        clock: Callable[[], float] = time.time,
        name: str = "",
        commits: CommitNumber = unknown,
    ) -> None:
        self._looking = Looking(commits)
        self._settings = settings
        self._jobs = jobs
        self._kinds = kinds
        self._module = module
        self._clock = clock
        self._name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._results = results_of(settings)
        self._is_stopping = False
        self._sweep_at = 0.0
        self._why = ""

    def run(self) -> None:
        """Does jobs until `stop` is called; a job that is running then is queued again."""
        while not self._is_stopping:
            if not (self._looking.is_due() and self.step()):
                time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Makes `run` return within a few seconds."""
        self._is_stopping = True

    def step(self) -> bool:
        """Does the oldest job, if there is one and the store answers; returns whether it did one."""
        try:
            self._release_lapsed()
            self._sweep_if_due()
            at_ms = self._now_ms()
            job = self._jobs.take(self._name, list(self._kinds), at_ms, at_ms + LEASE_MS)
        except StoreUnavailableError as error:
            self._away(str(error))
            return False
        self._why = ""
        if job is not None:
            self._do(job)
        return job is not None

    def sweep(self) -> None:
        """Lets results expire, forgets jobs that ended long ago, and removes files that nobody needs.

        Raises:
            StoreUnavailableError: the store does not answer; the rest is done the next time.
        """
        now_ms = self._now_ms()
        for job in self._jobs.expire(now_ms, self._settings.job_results_mib_max * MIB):
            log.info("the result of job %s has expired", job.id)
        self._jobs.forget(now_ms - self._kept_ms(), ENDED_MAX)
        self._results.tidy(self._jobs.get)

    def _do(self, job: StoredJob) -> None:
        log.info("job %s, %s of %s: attempt %d begins", job.id, job.request.kind, job.request.by, job.attempt)
        outcome, is_lost = self._attempted(job)
        if outcome is None and not is_lost:
            self._put_back(job)
        if outcome is None or not self._finish(job, outcome) or outcome.file is None:
            self._results.remove(job)

    def _attempted(self, job: StoredJob) -> tuple[JobOutcome | None, bool]:
        """Does one attempt; gives how the job ended, or None, and whether the job is another worker's meanwhile."""
        try:
            folder = self._results.make(job)
            kind = self._kinds[job.request.kind]
            is_stopping, free_bytes = (lambda: self._is_stopping), self._results.free_bytes
            attempt = Attempt(self._jobs, job, folder, self._module, kind, self._settings, self._clock, is_stopping, free_bytes)
            return attempt.run(), attempt.is_lost()
        except OSError as error:
            log.exception("job %s cannot be begun", job.id)
            expected, remedy = "room on the disk, and memory for a process", "make room, and ask again"
            refusal = Refusal("job cannot be begun", where=str(self._results.of(job)), expected=expected, got=str(error), remedy=remedy)
            return JobOutcome("failed", problem=refusal.fields()), False

    def _finish(self, job: StoredJob, outcome: JobOutcome) -> bool:
        """Stores the outcome, and waits until the store takes it; returns whether the job was still this worker's."""
        while True:
            now_ms = self._now_ms()
            try:
                is_own = self._jobs.finish(job.id, job.attempt, outcome, now_ms, now_ms + self._kept_ms())
            except StoreUnavailableError as error:
                self._away(str(error))
                if self._is_stopping:
                    return False
                time.sleep(POLL_SECONDS)
            else:
                log.info("job %s: %s%s", job.id, outcome.state, "" if is_own else ", which comes too late: the job is another worker's")
                return is_own

    def _put_back(self, job: StoredJob) -> None:
        with contextlib.suppress(StoreUnavailableError):  # its lease ends by itself
            self._jobs.put_back(job.id, job.attempt)
            log.info("job %s is queued again, because this worker ends", job.id)

    def _release_lapsed(self) -> None:
        now_ms = self._now_ms()
        for job in self._jobs.release_lapsed(now_ms, now_ms + self._kept_ms()):
            log.warning("job %s: its worker %s ended without a word; the job is %s", job.id, job.worker, job.state)

    def _sweep_if_due(self) -> None:
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + SWEEP_SECONDS
            self.sweep()

    def _away(self, why: str) -> None:
        if why != self._why:
            log.warning("the store of jobs does not answer, and it is tried again every second: %s", why)
        self._why = why
        self._looking.failed()

    def _kept_ms(self) -> int:
        return self._settings.job_results_kept_days * DAY_MS

    def _now_ms(self) -> int:
        return int(self._clock() * 1_000)


def make(settings: Settings) -> Worker:
    """The worker of the system that `settings` name.

    Raises:
        Refusal: a setting is wrong, or the database is of another version.
    """
    place = place_of(settings)
    return Worker(settings, RelationalJobs(Database(place, patient=True)), KINDS, commits=Commits(place).number)


if __name__ == "__main__":
    run_job(make)
