"""Asks Flink whether the score job runs."""

import httpx
import msgspec

from pipeline.flink.jobs import SCORE, flink_name

SCORE_JOB = flink_name(SCORE)


class _Tasks(msgspec.Struct):
    total: int
    running: int


class _Job(msgspec.Struct, rename={"start_time": "start-time"}):
    name: str
    state: str
    start_time: int
    tasks: _Tasks


class _Overview(msgspec.Struct):
    jobs: list[_Job]


async def problem_of_score_job(client: httpx.AsyncClient, url: str) -> str:
    """'' while all tasks of the newest run are running; a text that begins with ``state`` when Flink says that they are not.

    Args:
        client: asks.
        url: the URL of Flink's REST interface.

    Raises:
        httpx.HTTPError: Flink does not answer.
    """
    answer = await client.get(f"{url}/jobs/overview", timeout=2.0)
    if answer.status_code != 200:
        return f"Flink answers with status {answer.status_code}"
    jobs = [job for job in msgspec.json.decode(answer.content, type=_Overview).jobs if job.name == SCORE_JOB]
    if not jobs:
        return "state: no score job was submitted"
    newest = max(jobs, key=lambda job: job.start_time)
    if newest.state == "RUNNING" and newest.tasks.running == newest.tasks.total > 0:
        return ""
    return f"state {newest.state}, {newest.tasks.running} of {newest.tasks.total} tasks are running"
