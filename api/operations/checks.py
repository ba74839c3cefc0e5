"""Checks each dependency once a second, in the background."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from api.http.even_times import until_even
from api.http.health import Health
from stores.looking import CommitNumber, Looking

log = logging.getLogger(__name__)

PERIOD_SECONDS, SELDOM_SECONDS = 1.0, 10.0
Check = Callable[[], Awaitable[str]]
"""A check gives '' when the part is ok, and otherwise a sentence that says what is wrong."""


def seldom(check: Check, commits: CommitNumber) -> Check:
    """Gives a check that asks `check` only if somebody has committed since, the last answer was not '', or `SELDOM_SECONDS` have passed."""
    looking = Looking(commits, seconds_max=SELDOM_SECONDS)

    async def checked() -> str:
        if not looking.is_due():
            return ""
        try:
            problem = await check()
        except Exception:
            looking.failed()
            raise
        if problem:
            looking.failed()
        return problem

    return checked


class Checks:
    """Runs `checks`, by the name of the part, for ever, and notes their results in `health`; an exception of a check is its result."""

    def __init__(self, health: Health, checks: Mapping[str, Check]) -> None:
        self._health = health
        self._checks = checks

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await asyncio.gather(*(self._one(name, check) for name, check in self._checks.items()))
            await until_even(PERIOD_SECONDS)

    async def _one(self, name: str, check: Check) -> None:
        try:
            problem = await check()
        except Exception as error:  # whatever a check raises is its result
            problem = f"{type(error).__name__}: {error}"
        if problem != self._health.parts[name].detail:
            log.info("the part %s is %s", name, f"not ok: {problem}" if problem else "ok")
        self._health.found(name, problem)
