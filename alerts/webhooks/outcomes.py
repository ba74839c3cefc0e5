"""Keeps what came of attempts: one transaction for all lines that have ended a round meanwhile.

Each transaction waits for the disk, and in SQLite it excludes all others that write. Were each line to write its own, they would wait for
each other and hold up whoever writes new messages.
"""

import asyncio
from collections.abc import Sequence

from stores.casework.deliveries import Deliveries, Settled


class Outcomes:
    """Writes outcomes for the lines of one event loop.

    Args:
        deliveries: the store.
    """

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._waiting: list[Settled] = []
        self._kept: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def keep(self, settled: Sequence[Settled]) -> None:
        """Returns when they are kept, in one transaction with those that came while the transaction before was written.

        Raises:
            StoreUnavailableError: the store does not answer, and none of the transaction may be kept.
        """
        if not settled:
            return
        self._waiting += settled
        if self._kept is None:
            self._kept = asyncio.create_task(self._keep())
        await asyncio.shield(self._kept)

    async def _keep(self) -> None:
        async with self._one_at_a_time:
            together, self._waiting, self._kept = self._waiting, [], None
            await asyncio.to_thread(self._deliveries.settle, together)
