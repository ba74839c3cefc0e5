"""All jobs of a cluster are ended; their checkpoints stay, so that each can go on from its newest one."""

import contextlib
import time

from deploy.machine import interruption
from foundation.refusal import Refusal
from pipeline.flink.flink_rest import FlinkRest
from pipeline.flink.jobs import running_jobs

END_SECONDS_MAX = 60.0
_ANSWER_SECONDS_MAX = 10.0


def end_all_jobs(rest: FlinkRest, seconds_max: float = END_SECONDS_MAX) -> None:
    """Returns once no job of the cluster runs or waits for a slot.

    Raises:
        Refusal: Flink does not answer, or a job does not end within `seconds_max`.
    """
    deadline = time.monotonic() + seconds_max
    while running := running_jobs(rest):  # asked again and again: it names one job of a name, and there may be two
        interruption.check()
        if time.monotonic() > deadline:
            raise Refusal("jobs do not end", where=rest.url, expected=f"no job within {seconds_max:g} s", got=", ".join(sorted(running)))
        for id in running.values():
            with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
                rest.ask(f"/jobs/{id}?mode=cancel", _ANSWER_SECONDS_MAX, "PATCH")
        time.sleep(0.1)
