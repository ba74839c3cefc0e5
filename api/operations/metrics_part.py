"""The store of event metrics in an API process, and what fills it where nothing else does."""

import asyncio

from foundation.settings import Settings
from pipeline.sinks.metric_follower import MetricFollower
from pipeline.sinks.metric_store import open_metrics
from stores.metrics.duckdb_metrics import DuckDbMetrics


class MetricsPart:
    """Nothing of it raises at a start, for events are decided without it too.

    Args:
        settings: which store it is, and where.
    """

    def __init__(self, settings: Settings) -> None:
        self.store = open_metrics(settings)
        # A DuckDB file belongs to one process: so this one fills it.
        self._follower = MetricFollower(self.store, settings) if isinstance(self.store, DuckDbMetrics) else None

    def start(self) -> None:
        """Begins to take the topic in, where that is this process's to do."""
        if self._follower is not None:
            self._follower.start()

    async def check(self) -> str:
        """'' while metrics can be asked for and come in."""
        await asyncio.to_thread(self.store.check)
        return self._follower.problem if self._follower is not None else ""

    def close(self) -> None:
        """Ends both."""
        if self._follower is not None:
            self._follower.close()
        self.store.close()
