"""Ends all jobs of a cluster and keeps their checkpoints, so that each can go on from its newest one."""

import contextlib
import time

from deploy.machine import interruption
from foundation.refusal import Refusal
from pipeline.flink.flink_rest import FlinkRest
from pipeline.flink.jobs import running_jobs

END_SECONDS_MAX = 60.0
_ANSWER_SECONDS_MAX = 10.0


def end_all_jobs(rest: FlinkRest, seconds_max: float = END_SECONDS_MAX) -> None:
    """Cancels all jobs of the cluster and returns once none runs or waits for a slot.

    Raises:
        Refusal: Flink does not answer, or a job does not end within `seconds_max`.
    """
    deadline = time.monotonic() + seconds_max
    while running := running_jobs(rest):  # asked repeatedly, because `running_jobs` names one job of each name, and there may be two
        interruption.check()
        if time.monotonic() > deadline:
            expected = f"no running job within {seconds_max:g} s"
            raise Refusal("jobs do not end", where=rest.url, expected=expected, got=", ".join(sorted(running)))
        for id in running.values():
            with contextlib.suppress(OSError, ValueError):  # the job has ended in the meantime
                rest.ask(f"/jobs/{id}?mode=cancel", _ANSWER_SECONDS_MAX, "PATCH")
        time.sleep(0.1)
