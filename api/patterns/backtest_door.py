"""The door of backtests: what is tried is checked as an upload is checked, and stored, before the job waits."""

import asyncio

import msgspec

from api.auth.permissions import Caller
from api.definitions.publisher import Definitions
from api.definitions.versions import version_of
from api.patterns.rules_in_force import part_of_rule
from pipeline.jobs.backtest_kind import BacktestParameters


class BacktestDoor:
    """Checks what a backtest is to try.

    Args:
        definitions: those in force.
    """

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    async def __call__(self, given: BacktestParameters, caller: Caller) -> BacktestParameters:
        """Returns `given` with all rules under their hashes. The texts are stored as versions; that puts nothing in force.

        Raises:
            Refusal: a text does not compile with the other definitions in force; it names line and column.
            Problem: 404, there is no such version.
        """
        for id, hash in given.versions.items():
            await asyncio.to_thread(version_of, self._definitions.registry, part_of_rule(id), hash)
        if not given.patterns:
            return given
        kept = await self._definitions.keep({part_of_rule(id): text for id, text in given.patterns.items()}, caller.name)
        stored = {id: kept.parts[part_of_rule(id)] for id in given.patterns}
        return msgspec.structs.replace(given, patterns={}, versions={**given.versions, **stored})
