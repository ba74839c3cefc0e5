"""What a process does now and then happens at even times of its event loop's clock, so that it wakes up once for all of it."""

import asyncio

SHARE_MIN = 0.1
"""Of a period: a timer may end a little early, and what has just been done is not done again."""


async def until_even(period_seconds: float) -> None:
    """Sleeps until the loop's clock is a multiple of `period_seconds`: from a tenth of it to little more than the whole."""
    await asyncio.sleep(seconds_left(asyncio.get_running_loop().time(), period_seconds))


def seconds_left(now_seconds: float, period_seconds: float) -> float:
    """How long it is from `now_seconds` to the next multiple of `period_seconds` that is not too near."""
    left = period_seconds - now_seconds % period_seconds
    return left if left > SHARE_MIN * period_seconds else left + period_seconds
