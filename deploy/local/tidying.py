"""What a running system leaves behind on disk, kept within bounds: logs, and checkpoints of earlier runs."""

import time

from deploy.machine.checkpoints import forget_earlier_runs
from deploy.machine.log_files import cut
from deploy.servers.cluster import Cluster
from foundation.refusal import Refusal
from pipeline.flink.jobs import DELIVERING, SCORE, flink_name, running_jobs

LOOK_SECONDS = 60.0
_ANSWER_SECONDS_MAX = 2.0


class Tidying:
    """Looks at the logs at each step, and at the checkpoints once a minute.

    Args:
        cluster: whose jobs' checkpoints they are.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._next_look = time.monotonic() + LOOK_SECONDS

    def step(self) -> list[str]:
        """To be called each second or so; gives the runs whose checkpoints went."""
        for log in self._cluster.logs.glob("*.log"):
            cut(log)
        if time.monotonic() < self._next_look:
            return []
        self._next_look = time.monotonic() + LOOK_SECONDS
        try:
            running = running_jobs(self._cluster.rest, _ANSWER_SECONDS_MAX)
        except Refusal:  # which runs there are is not known: another time
            return []
        jobs = [(job, running.get(flink_name(job))) for job in (SCORE, *DELIVERING)]
        folders = [(self._cluster.checkpoints / job, run) for job, run in jobs if run]
        return [gone for folder, run in folders if folder.is_dir() for gone in forget_earlier_runs(folder, [run])]
