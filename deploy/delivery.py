"""The jobs that deliver, beside the score job on the same cluster: submitted once decisions are made, in the background."""

import pathlib
import sys
from collections.abc import Mapping, Sequence

from deploy.cluster import Cluster
from deploy.jars import PROJECT
from deploy.processes import Process

JOBS = ("metrics", "archive")
"""By name; each takes one slot, and so a TaskManager of its own."""


class Delivery:
    """Hands the jobs over to Flink, again when that fails: decisions go on meanwhile, and wait in Kafka.

    Args:
        cluster: with a slot for each of `JOBS` beside those of the score job, now or later.
        logs: where ``delivery.log`` goes.
        jobs: which of `JOBS` run.
    """

    def __init__(self, cluster: Cluster, logs: pathlib.Path, jobs: Sequence[str] = JOBS) -> None:
        self._jobs = jobs
        self._cluster = cluster
        self._logs = logs
        self._submission: Process | None = None

    def task_managers(self, after: int) -> range:
        """Numbers of the TaskManagers that the jobs take, behind those of the score job."""
        return range(after + 1, after + len(self._jobs) + 1)

    def submit(self, environment: Mapping[str, str]) -> None:
        """Begins to submit all jobs, each from its newest checkpoint."""
        self.stop()
        if not self._jobs:
            return
        newest = {name: self._cluster.newest_checkpoint(name) for name in self._jobs}
        restores = [part for name, path in newest.items() if path for part in ("--restore", name, str(path))]
        command = [sys.executable, "-m", "pipeline.deliver_jobs", *restores]
        self._submission = Process("delivery", command, environment, self._logs, PROJECT, background=True)

    def failed(self) -> Process | None:
        """The submission, once when it has ended without its jobs being taken; `submit` tries again."""
        submission = self._submission
        if submission is None or submission.running():
            return None
        self._submission = None
        return submission if submission.exit_status() else None

    def stop(self) -> None:
        """Ends a submission that is under way."""
        if self._submission is not None:
            self._submission.kill()
            self._submission = None
