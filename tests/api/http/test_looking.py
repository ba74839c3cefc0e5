"""Work that waits in a store is looked for when somebody has committed, and now and then besides."""

import asyncio
import contextlib

import pytest

from api.http import looking
from api.http.looking import work_when_due
from stores.looking import LOOK_SECONDS_MAX, Looking, unknown


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nobody_looks_again_before_a_commit_or_before_something_may_have_become_due() -> None:
    numbers, clock = [1], Clock()
    there = Looking(lambda: numbers[-1], clock)
    assert [there.is_due(), there.is_due()] == [True, False]
    numbers.append(2)
    assert [there.is_due(), there.is_due()] == [True, False]
    clock.now += LOOK_SECONDS_MAX
    assert [there.is_due(), there.is_due()] == [True, False]
    there.failed()
    assert [there.is_due(), there.is_due()] == [True, False]


def test_a_store_that_says_nothing_of_commits_is_asked_each_time() -> None:
    there = Looking(unknown, Clock())
    assert [there.is_due(), there.is_due()] == [True, True]


async def test_work_is_done_until_there_is_none_and_again_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(looking, "RETRY_SECONDS", 0.001)
    answers = iter([True, True, False, OSError("away"), False])
    done = asyncio.Event()
    taken: list[object] = []
    number = [1]

    async def step() -> bool:
        answer = next(answers)
        taken.append(answer)
        if answer is False:
            number[0] += 1 if len(taken) == 3 else 0  # somebody commits once
            done.set() if len(taken) == 5 else None
        if isinstance(answer, OSError):
            raise answer
        return bool(answer)

    task = asyncio.create_task(work_when_due(step, lambda: number[0], "tests"))
    await asyncio.wait_for(done.wait(), 60)
    await asyncio.sleep(0.02)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert len(taken) == 5
