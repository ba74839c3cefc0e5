"""The jobs on Flink: their names, and which of them a cluster runs now, as its REST interface says."""

from foundation.refusal import Refusal
from pipeline.flink.flink_rest import FlinkRest

SCORE = "score"
DELIVERING = ("metrics", "archive")
"""One a store; each takes one slot, and so a TaskManager of its own."""
ENDED = ("FAILED", "CANCELED", "FINISHED")
TIMEOUT_SECONDS = 10.0


def flink_name(job: str) -> str:
    """What a job is called on the cluster; also the consumer group of one that delivers."""
    return f"weir-{job}"


def running_jobs(rest: FlinkRest, timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, str]:
    """Ids by name of the jobs that have not ended, those among them that wait for a slot or start again; of two of a name the newest.

    Raises:
        Refusal: it does not answer.
    """
    try:
        jobs = rest.ask("/jobs/overview", timeout_seconds)["jobs"]
    except (OSError, ValueError) as error:
        raise Refusal(
            "Flink does not answer", where=f"{rest.url}/jobs/overview", expected="the jobs of the cluster", got=str(error)
        ) from error
    started = sorted(jobs, key=lambda job: job["start-time"])
    return {job["name"]: job["jid"] for job in started if job["state"] not in ENDED}
