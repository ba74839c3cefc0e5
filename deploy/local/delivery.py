"""The jobs that deliver, beside the score job on the same cluster: submitted once decisions are made, in the background."""

import pathlib
import sys
import time
from collections.abc import Mapping, Sequence

from deploy.machine.jars import PROJECT
from deploy.machine.processes import Process
from deploy.servers.cluster import Cluster
from foundation.refusal import Refusal
from pipeline.flink.jobs import DELIVERING, flink_name, running_jobs

LOOK_SECONDS = 10.0
_ANSWER_SECONDS_MAX = 2.0


class Delivery:
    """Hands the jobs over to Flink, again when that fails or one has ended: decisions go on meanwhile, and wait in Kafka.

    Args:
        cluster: with a slot for each of `jobs` beside those of the score job, now or later.
        logs: where ``delivery.log`` goes.
        jobs: which of `DELIVERING` run: all, or none.
    """

    def __init__(self, cluster: Cluster, logs: pathlib.Path, jobs: Sequence[str] = DELIVERING) -> None:
        self._jobs = jobs
        self._cluster = cluster
        self._logs = logs
        self._submission: Process | None = None
        self._next_look = 0.0

    def task_managers(self, after: int) -> range:
        """Numbers of the TaskManagers that the jobs take, behind those of the score job."""
        return range(after + 1, after + len(self._jobs) + 1)

    def submit(self, environment: Mapping[str, str]) -> None:
        """Begins to submit all jobs that do not run, each from its newest checkpoint."""
        self.stop()
        self._next_look = time.monotonic() + LOOK_SECONDS
        if not self._jobs:
            return
        newest = {name: self._cluster.newest_checkpoint(name) for name in self._jobs}
        restores = [part for name, path in newest.items() if path for part in ("--restore", name, str(path))]
        command = [sys.executable, "-m", "pipeline.sinks.deliver_jobs", *restores]
        self._submission = Process("delivery", command, environment, self._logs, PROJECT, background=True)

    def check(self, environment: Mapping[str, str]) -> str:
        """Submits again what does not run, at most each `LOOK_SECONDS`; says so, or nothing. To be called each second or so."""
        if not self._jobs or time.monotonic() < self._next_look or (self._submission and self._submission.running()):
            return ""
        self._next_look = time.monotonic() + LOOK_SECONDS
        try:
            running = running_jobs(self._cluster.rest, _ANSWER_SECONDS_MAX)
        except Refusal:  # while the JobManager is away nothing can be handed over
            return ""
        missing = [job for job in self._jobs if flink_name(job) not in running]
        if not missing:
            return ""
        self.submit(environment)
        return f"not running: {', '.join(missing)}; submitting again (log: {self._logs / 'delivery.log'})"

    def stop(self) -> None:
        """Ends a submission that is under way."""
        if self._submission is not None:
            self._submission.kill()
            self._submission = None
