"""Submits the score job to a Flink cluster."""

import pathlib
import sys
import time
from collections.abc import Mapping

from deploy.machine import interruption
from deploy.machine.jars import PROJECT
from deploy.machine.processes import Process
from deploy.servers.cluster import Cluster
from foundation.refusal import Refusal
from pipeline.flink.jobs import ENDED, SCORE, flink_name

SCORE_JOB = flink_name(SCORE)
SUBMIT_SECONDS_MAX = 240.0
RUNNING_SECONDS_MAX = 240.0


def submit_score_job(cluster: Cluster, logs: pathlib.Path, environment: Mapping[str, str], checkpoint: pathlib.Path | None = None) -> str:
    """Submits the job in a process of its own and gives its id once all of its tasks run, after about 15 s.

    Args:
        cluster: a running cluster with at least as many free slots as the job's parallelism.
        logs: the folder for ``submission.log``.
        environment: the environment of the submitting process, with the settings.
        checkpoint: the checkpoint that the job starts from; None means an empty state and the beginning of the topics.

    Raises:
        Refusal: the job was not accepted, or its tasks do not run in time.
    """
    return wait_until_submitted(launch_submission(logs, environment, checkpoint), cluster, logs)


def launch_submission(logs: pathlib.Path, environment: Mapping[str, str], checkpoint: pathlib.Path | None = None) -> Process:
    """Starts the process that submits the job, and does not wait for it; the arguments are those of `submit_score_job`.

    The cluster's JobManager may come up later: half of the time the process loads what it builds the graph with, and then it tries again.
    """
    arguments = ["--restore", str(checkpoint)] if checkpoint else []
    return Process("submission", [sys.executable, "-m", "pipeline.score_job.flink_job", *arguments], environment, logs, PROJECT)


def wait_until_submitted(submission: Process, cluster: Cluster, logs: pathlib.Path) -> str:
    """Returns the id of the job that `submission` submits once all of its tasks run.

    Raises:
        Refusal: the job was not accepted, or its tasks do not run in time.
    """
    try:
        submission.wait_for_end(SUBMIT_SECONDS_MAX)
    finally:
        submission.kill()
    return _wait_until_running(cluster, logs)


def _wait_until_running(cluster: Cluster, logs: pathlib.Path) -> str:
    deadline = time.monotonic() + RUNNING_SECONDS_MAX
    state = "no job"
    while time.monotonic() < deadline:
        interruption.check()
        answer = cluster.get("/jobs/overview")
        jobs = [job for job in answer["jobs"] if job["name"] == SCORE_JOB] if isinstance(answer, dict) else []
        if jobs:
            newest = max(jobs, key=lambda job: job["start-time"])
            state = f"{newest['state']} with tasks {newest['tasks']}"
            if newest["state"] == "RUNNING" and newest["tasks"]["running"] == newest["tasks"]["total"] > 0:
                return str(newest["jid"])
            if newest["state"] in ENDED:
                raise Refusal(
                    "the score job ended", where=str(logs), expected="a running job", got=state, remedy=_failure(cluster, newest["jid"])
                )
        time.sleep(0.2)
    expected = f"tasks that all run within {RUNNING_SECONDS_MAX:g} s"
    raise Refusal("the score job does not run", where=str(logs), expected=expected, got=state)


def _failure(cluster: Cluster, job: str) -> str:
    answer = cluster.get(f"/jobs/{job}/exceptions")
    entries = answer["exceptionHistory"]["entries"] if isinstance(answer, dict) else []
    return "\n".join(entry["stacktrace"][:2_000] for entry in entries[:1])
