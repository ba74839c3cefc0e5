"""The part of an API process that is about lists: it follows their entries, carries over those of old releases and removes expired ones."""

import asyncio
from collections.abc import Callable, Sequence

from api.definitions.carry_over import CarryOver
from api.definitions.expiring import Expiring
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.kafka.log import Log
from api.lists.entries import Entries
from api.lists.entry_topic import EntryFollowing, KafkaEntryTopic
from foundation.settings import Settings
from patterns.entries import Placed
from pipeline.control.kafka_access import connection_of
from pipeline.control.sole_writer import SoleWriter


class ListsPart:
    """Holds the entries of lists. Only the event loop may use it. Call `start` first, then `run` as a task, and `close` in any case.

    Args:
        log: a log whose records every replica has.
        event_time_ms: gives the newest event time known, in ms since the epoch; 0 before the first.
    """

    def __init__(self, settings: Settings, log: Log, in_force: InForce, definitions: Definitions, event_time_ms: Callable[[], int]) -> None:
        topic = settings.topic("entries")
        self._following = EntryFollowing(connection_of(settings), topic, self._take)
        self.entries = Entries(KafkaEntryTopic(self._following, log, topic, SoleWriter(settings, "entries")), event_time_ms)
        self._carry_over = CarryOver(self.entries, in_force, definitions)
        self._expiring = Expiring(self.entries, in_force)

    async def start(self) -> None:
        """Starts to follow the topic and returns. Reading a million records takes seconds, during which only requests for lists wait.

        Raises:
            Refusal: the broker does not answer, or has no such topic.
        """
        await asyncio.to_thread(self._following.assign, from_end=False)
        self._following.start(asyncio.get_running_loop())

    async def run(self) -> None:
        """Runs for as long as the process lives."""
        await self._carry_over.run()
        await self._expiring.run()

    async def check(self) -> str:
        """The check of the part ``entries``: '' once all entries were read."""
        return "" if self.entries.is_open else "the entries of lists have not been read yet"

    def close(self) -> None:
        """Closes the connections."""
        self._following.close()

    def _take(self, records: Sequence[Placed]) -> None:
        self.entries.take(records)
