"""The store of event metrics in an API process, and the follower that fills it when it is a DuckDB file."""

import asyncio

from api.operations.checks import seldom
from foundation.settings import Settings
from pipeline.sinks.metric_follower import MetricFollower
from pipeline.sinks.metric_store import open_metrics
from stores.looking import unknown
from stores.metrics.duckdb_metrics import DuckDbMetrics


class MetricsPart:
    """The store of metrics and its follower. Opening a store that is down does not raise, because events are decided without it.

    Args:
        settings: says which store it is, and where.
    """

    def __init__(self, settings: Settings) -> None:
        self.store = open_metrics(settings)
        # Only one process can open a DuckDB file, so this process fills it too.
        self._follower = MetricFollower(self.store, settings) if isinstance(self.store, DuckDbMetrics) else None

        # The file is this process's own, and the follower says at once what is wrong with it.
        self._answers = seldom(self._ask, unknown if self._follower is None else lambda: 0)

    def start(self) -> None:
        """Starts the follower, if this process fills the store."""
        if self._follower is not None:
            self._follower.start()

    async def check(self) -> str:
        """The check of the part ``metrics``: '' while the store can be queried and is being filled."""
        await self._answers()
        return self._follower.problem if self._follower is not None else ""

    async def _ask(self) -> str:
        await asyncio.to_thread(self.store.check)
        return ""

    def close(self) -> None:
        """Ends the follower and closes the store."""
        if self._follower is not None:
            self._follower.close()
        self.store.close()
