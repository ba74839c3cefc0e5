"""The jobs on Flink: their names, and which of them a cluster runs now, as its REST interface says."""

import json
import urllib.request

from features.refusal import Refusal

SCORE = "score"
DELIVERING = ("metrics", "archive")
"""One a store; each takes one slot, and so a TaskManager of its own."""
ENDED = ("FAILED", "CANCELED", "FINISHED")
TIMEOUT_SECONDS = 10.0


def flink_name(job: str) -> str:
    """What a job is called on the cluster; also the consumer group of one that delivers."""
    return f"weir-{job}"


def running_jobs(port: int, timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, str]:
    """Ids by name of the jobs that have not ended, those among them that wait for a slot or start again; of two of a name the newest.

    Args:
        port: of the REST interface on 127.0.0.1.

    Raises:
        Refusal: it does not answer.
    """
    url = f"http://127.0.0.1:{port}/jobs/overview"
    try:
        with urllib.request.urlopen(url, timeout=timeout_seconds) as answer:
            jobs = json.load(answer)["jobs"]
    except (OSError, ValueError) as error:
        raise Refusal("Flink does not answer", where=url, expected="the jobs of the cluster", got=str(error)) from error
    started = sorted(jobs, key=lambda job: job["start-time"])
    return {job["name"]: job["jid"] for job in started if job["state"] not in ENDED}
