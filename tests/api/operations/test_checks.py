import asyncio

import httpx
import pytest
from api_imitation import until

from api.http.health import NOT_CHECKED, Health
from api.operations.checks import Checks, seldom
from api.solo.score_job import problem_of_score_job


def job(state: str, running: int, total: int, start: int = 1) -> dict[str, object]:
    """A job as Flink's overview shows it."""
    return {
        "jid": "a",
        "name": "weir-score",
        "state": state,
        "start-time": start,
        "tasks": {"total": total, "running": running, "created": 0},
    }


@pytest.mark.parametrize(
    ("jobs", "finding"),
    [
        ([job("RUNNING", 8, 8)], ""),
        ([job("FAILED", 0, 8), job("RUNNING", 8, 8, start=2)], ""),
        ([job("RUNNING", 8, 8), job("RESTARTING", 0, 8, start=2)], "state RESTARTING, 0 of 8 tasks are running"),
        ([job("RUNNING", 7, 8)], "state RUNNING, 7 of 8 tasks are running"),
        ([job("RUNNING", 0, 0)], "state RUNNING, 0 of 0 tasks are running"),
        ([job("RUNNING", 8, 8), job("FAILED", 0, 3, start=2) | {"name": "weir-metrics"}], ""),
        ([], "state: no score job was submitted"),
    ],
)
async def test_the_score_job_is_well_when_all_tasks_of_the_newest_job_run(jobs: list[object], finding: str) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"jobs": jobs}))
    async with httpx.AsyncClient(transport=transport) as client:
        assert await problem_of_score_job(client, "http://flink") == finding


async def test_a_store_that_answered_is_asked_again_once_somebody_has_committed_and_one_that_did_not_each_time() -> None:
    commits, answers = [1], iter(["", "", "away", "away", ""])
    asked = []

    async def ask() -> str:
        asked.append(next(answers))
        if asked[-1]:
            raise OSError(asked[-1])
        return ""

    check = seldom(ask, lambda: commits[-1])
    assert [await check(), await check(), len(asked)] == ["", "", 1]
    commits.append(2)
    assert [await check(), await check(), len(asked)] == ["", "", 2]
    commits.append(3)
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            await check()
    assert [await check(), await check(), len(asked)] == ["", "", 5]


async def test_a_check_that_fails_is_a_finding_and_the_others_go_on() -> None:
    health = Health()

    async def broken() -> str:
        raise OSError("no route")

    async def well() -> str:
        return ""

    task = asyncio.create_task(Checks(health, {"broker": broken, "store": well}).run())
    await until(lambda: all(health.parts[name].detail != NOT_CHECKED for name in ("broker", "store")))
    task.cancel()
    assert (health.parts["broker"].ok, health.parts["broker"].detail) == (False, "OSError: no route")
    assert health.parts["store"].ok
