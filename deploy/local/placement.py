"""Who has the slots of the score job's TaskManagers: Flink gives a free slot to whichever job asks first."""

import time
from collections.abc import Iterable

from deploy.servers.cluster import Cluster
from foundation.refusal import Refusal
from pipeline.flink.jobs import DELIVERING, flink_name, running_jobs

LOOK_SECONDS = 10.0
_ANSWER_SECONDS_MAX = 2.0


class Placement:
    """Finds jobs that deliver where the score job belongs; then it runs, if at all, where memory is small and the others go first.

    Args:
        cluster: with the jobs.
        numbers: of the TaskManagers that are the score job's.
    """

    def __init__(self, cluster: Cluster, numbers: Iterable[int]) -> None:
        self._cluster = cluster
        self._numbers = list(numbers)
        self._next_look = 0.0

    def is_wrong(self) -> bool:
        """Looks at most each `LOOK_SECONDS`, and says no in between and while Flink does not answer. To be called each second or so."""
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + LOOK_SECONDS
        try:
            running = running_jobs(self._cluster.rest, _ANSWER_SECONDS_MAX)
        except Refusal:
            return False
        delivering = {running.get(flink_name(job)) for job in DELIVERING}
        return any(delivering & self._cluster.jobs_on(number) for number in self._numbers)
