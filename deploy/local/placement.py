"""Checks which jobs have the slots of the score job's TaskManagers, because Flink gives a free slot to the job that asks first."""

import time
from collections.abc import Iterable

from deploy.servers.cluster import Cluster
from foundation.refusal import Refusal
from pipeline.flink.jobs import DELIVERING, flink_name, running_jobs

LOOK_SECONDS = 10.0
_ANSWER_SECONDS_MAX = 2.0


class Placement:
    """Finds jobs that deliver in slots of the score job, which then does not run, or runs with little memory and a low priority.

    Args:
        cluster: the cluster that runs the jobs.
        numbers: the numbers of the score job's TaskManagers.
    """

    def __init__(self, cluster: Cluster, numbers: Iterable[int]) -> None:
        self._cluster = cluster
        self._numbers = list(numbers)
        self._next_look = 0.0

    def is_wrong(self) -> bool:
        """Whether a job that delivers has a slot of the score job; call it about once a second.

        It looks at most every `LOOK_SECONDS`, and gives False in between and while Flink does not answer.
        """
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + LOOK_SECONDS
        try:
            running = running_jobs(self._cluster.rest, _ANSWER_SECONDS_MAX)
        except Refusal:
            return False
        delivering = {running.get(flink_name(job)) for job in DELIVERING}
        return any(delivering & self._cluster.jobs_on(number) for number in self._numbers)
