"""What an API process does about lists: follows their entries, carries over those of releases, takes off what expired."""

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
    """Belongs to the event loop. First `start`, then `run` as a task; `close` in any case.

    Args:
        log: whose records every replica has.
        event_time_ms: the newest event time known; 0 before any.
    """

    def __init__(self, settings: Settings, log: Log, in_force: InForce, definitions: Definitions, event_time_ms: Callable[[], int]) -> None:
        topic = settings.topic("entries")
        self._following = EntryFollowing(connection_of(settings), topic, self._take)
        self.entries = Entries(KafkaEntryTopic(self._following, log, topic, SoleWriter(settings, "entries")), event_time_ms)
        self._carry_over = CarryOver(self.entries, in_force, definitions)
        self._expiring = Expiring(self.entries, in_force)

    async def start(self) -> None:
        """Begins to follow the topic; a million records take seconds, for which nobody waits but who asks for lists.

        Raises:
            Refusal: the broker does not answer, or has no such topic.
        """
        await asyncio.to_thread(self._following.assign, from_end=False)
        self._following.start(asyncio.get_running_loop())

    async def run(self) -> None:
        """For as long as the process lives."""
        await self._carry_over.settle()
        await self._expiring.run()

    async def check(self) -> str:
        """What `/ready` says: '' once the entries are read."""
        return "" if self.entries.is_open else "the entries of lists are not read yet"

    def close(self) -> None:
        """Gives up the connections."""
        self._following.close()

    def _take(self, records: Sequence[Placed]) -> None:
        self.entries.take(records)
