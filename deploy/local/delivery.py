"""Submits the jobs that deliver to the cluster of the score job, in the background, once decisions are made."""

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
    """Submits the jobs to Flink, and again when a submission fails or a job ends. Meanwhile decisions go on and wait in Kafka.

    Args:
        cluster: a cluster that has, or will have, a slot for each of `jobs` beside those of the score job.
        logs: the folder for ``delivery.log``.
        jobs: the jobs to run: all of `DELIVERING`, or none.
    """

    def __init__(self, cluster: Cluster, logs: pathlib.Path, jobs: Sequence[str] = DELIVERING) -> None:
        self._jobs = jobs
        self._cluster = cluster
        self._logs = logs
        self._submission: Process | None = None
        self._next_look = 0.0

    def task_managers(self, after: int) -> range:
        """The numbers of the TaskManagers for these jobs, which follow those of the score job, 1 to `after`."""
        return range(after + 1, after + len(self._jobs) + 1)

    def submit(self, environment: Mapping[str, str]) -> None:
        """Starts a process that submits all jobs that do not run, each from its newest checkpoint."""
        self.stop()
        self._next_look = time.monotonic() + LOOK_SECONDS
        if not self._jobs:
            return
        newest = {name: self._cluster.newest_checkpoint(name) for name in self._jobs}
        restores = [part for name, path in newest.items() if path for part in ("--restore", name, str(path))]
        command = [sys.executable, "-m", "pipeline.sinks.deliver_jobs", *restores]
        self._submission = Process("delivery", command, environment, self._logs, PROJECT, background=True)

    def check(self, environment: Mapping[str, str]) -> str:
        """Submits jobs that do not run again, at most every `LOOK_SECONDS`; gives a message if it did, else ''.

        Call it about once a second.
        """
        if not self._jobs or time.monotonic() < self._next_look or (self._submission and self._submission.running()):
            return ""
        self._next_look = time.monotonic() + LOOK_SECONDS
        try:
            running = running_jobs(self._cluster.rest, _ANSWER_SECONDS_MAX)
        except Refusal:  # nothing can be submitted while the JobManager is down
            return ""
        missing = [job for job in self._jobs if flink_name(job) not in running]
        if not missing:
            return ""
        self.submit(environment)
        return f"these jobs do not run and are submitted again: {', '.join(missing)} (log: {self._logs / 'delivery.log'})"

    def stop(self) -> None:
        """Kills a submission that is in progress."""
        if self._submission is not None:
            self._submission.kill()
            self._submission = None
