"""Looks at each dependency once a second, beside the requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import httpx
import msgspec

from api.http.health import Condition
from pipeline.flink.jobs import SCORE, flink_name

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
SCORE_JOB = flink_name(SCORE)
Check = Callable[[], Awaitable[str]]
"""Gives '' when all is well, else what is not."""


class Checks:
    """Runs `checks`, by the name of the part, for ever; a check that raises has found a problem."""

    def __init__(self, condition: Condition, checks: Mapping[str, Check]) -> None:
        self._condition = condition
        self._checks = checks

    async def run(self) -> None:
        """Ends when it is cancelled."""
        while True:
            await asyncio.gather(*(self._one(name, check) for name, check in self._checks.items()))
            await asyncio.sleep(PERIOD_SECONDS)

    async def _one(self, name: str, check: Check) -> None:
        try:
            problem = await check()
        except Exception as error:  # a check finds out; whatever it raises is its finding
            problem = f"{type(error).__name__}: {error}"
        if problem != self._condition.parts[name].detail:
            log.info("%s: %s", name, problem or "well")
        self._condition.found(name, problem)


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
    """Asks Flink's REST interface for the newest run of the score job.

    Args:
        client: used for nothing else.
        url: of the REST interface.
    """

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def check(self) -> str:
        """'' while all tasks of the newest run do; ``state …`` when Flink itself says that they do not."""
        answer = await self._client.get(f"{self._url}/jobs/overview", timeout=2.0)
        if answer.status_code != 200:
            return f"Flink answers with status {answer.status_code}"
        jobs = [job for job in msgspec.json.decode(answer.content, type=_Overview).jobs if job.name == SCORE_JOB]
        if not jobs:
            return "state: no job was submitted"
        newest = max(jobs, key=lambda job: job.start_time)
        if newest.state == "RUNNING" and newest.tasks.running == newest.tasks.total > 0:
            return ""
        return f"state {newest.state}, {newest.tasks.running} of {newest.tasks.total} tasks run"
