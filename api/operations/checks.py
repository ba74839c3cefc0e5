"""Checks each dependency once a second, in the background."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import httpx
import msgspec

from api.http.health import Health
from pipeline.flink.jobs import SCORE, flink_name

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
SCORE_JOB = flink_name(SCORE)
Check = Callable[[], Awaitable[str]]
"""A check gives '' when the part is ok, and otherwise a sentence that says what is wrong."""


class Checks:
    """Runs `checks`, by the name of the part, for ever, and notes their results in `health`; an exception of a check is its result."""

    def __init__(self, health: Health, checks: Mapping[str, Check]) -> None:
        self._health = health
        self._checks = checks

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await asyncio.gather(*(self._one(name, check) for name, check in self._checks.items()))
            await asyncio.sleep(PERIOD_SECONDS)

    async def _one(self, name: str, check: Check) -> None:
        try:
            problem = await check()
        except Exception as error:  # whatever a check raises is its result
            problem = f"{type(error).__name__}: {error}"
        if problem != self._health.parts[name].detail:
            log.info("the part %s is %s", name, f"not ok: {problem}" if problem else "ok")
        self._health.found(name, problem)


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


class ScoreJob:
    """Asks Flink's REST interface for the state of the score job.

    Args:
        client: a client that nothing else uses.
        url: the URL of the REST interface.
    """

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def check(self) -> str:
        """'' while all tasks of the newest run are running; a text that begins with ``state`` when Flink says that they are not."""
        answer = await self._client.get(f"{self._url}/jobs/overview", timeout=2.0)
        if answer.status_code != 200:
            return f"Flink answers with status {answer.status_code}"
        jobs = [job for job in msgspec.json.decode(answer.content, type=_Overview).jobs if job.name == SCORE_JOB]
        if not jobs:
            return "state: no score job was submitted"
        newest = max(jobs, key=lambda job: job.start_time)
        if newest.state == "RUNNING" and newest.tasks.running == newest.tasks.total > 0:
            return ""
        return f"state {newest.state}, {newest.tasks.running} of {newest.tasks.total} tasks are running"
