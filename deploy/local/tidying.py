"""Bounds the disk space of a running system: cuts logs and deletes the checkpoints of earlier runs."""

import time

from deploy.machine.checkpoints import forget_earlier_runs
from deploy.machine.log_files import cut
from deploy.servers.cluster import Cluster
from foundation.refusal import Refusal
from pipeline.flink.jobs import DELIVERING, SCORE, flink_name, running_jobs

LOOK_SECONDS = 60.0
_ANSWER_SECONDS_MAX = 2.0


class Tidying:
    """Cuts logs at each step, and deletes old checkpoints once a minute.

    Args:
        cluster: the cluster with the logs and the checkpoints of its jobs.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._next_look = time.monotonic() + LOOK_SECONDS

    def step(self) -> list[str]:
        """Call it about once a second; gives the runs whose checkpoints were deleted."""
        for log in self._cluster.logs.glob("*.log"):
            cut(log)
        if time.monotonic() < self._next_look:
            return []
        self._next_look = time.monotonic() + LOOK_SECONDS
        try:
            running = running_jobs(self._cluster.rest, _ANSWER_SECONDS_MAX)
        except Refusal:  # Flink does not answer, so the running jobs are unknown; the next look tries again
            return []
        jobs = [(job, running.get(flink_name(job))) for job in (SCORE, *DELIVERING)]
        folders = [(self._cluster.checkpoints / job, run) for job, run in jobs if run]
        return [gone for folder, run in folders if folder.is_dir() for gone in forget_earlier_runs(folder, [run])]
