"""The names of the jobs on Flink, and which of them a cluster runs now, as its REST interface says."""

from foundation.refusal import Refusal
from pipeline.flink.flink_rest import FlinkRest

SCORE = "score"
DELIVERING = ("metrics", "archive")
"""There is one delivering job for each store; each takes one slot, and so a TaskManager of its own."""
ENDED = ("FAILED", "CANCELED", "FINISHED")
TIMEOUT_SECONDS = 10.0


def flink_name(job: str) -> str:
    """Gives the name of a job on the cluster, which is also the consumer group of a delivering job."""
    return f"weir-{job}"


def running_jobs(rest: FlinkRest, timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, str]:
    """Gives the ids, by name, of the jobs that have not ended; jobs that wait for a slot or restart are among them.

    Of several jobs of one name the newest counts.

    Raises:
        Refusal: Flink does not answer.
    """
    try:
        jobs = rest.ask("/jobs/overview", timeout_seconds)["jobs"]
    except (OSError, ValueError) as error:
        where, expected = f"{rest.url}/jobs/overview", "a list of the cluster's jobs"
        remedy = "check that Flink runs and that WEIR_FLINK_HOST and WEIR_FLINK_PORT name its REST interface"
        raise Refusal("Flink does not answer", where=where, expected=expected, got=str(error), remedy=remedy) from error
    started = sorted(jobs, key=lambda job: job["start-time"])
    return {job["name"]: job["jid"] for job in started if job["state"] not in ENDED}
