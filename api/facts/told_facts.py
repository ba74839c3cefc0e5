"""What was told last of each fact: it is followed on the topic ``facts``, so that callers can read it."""

import asyncio
import logging
from collections.abc import Sequence

from api.kafka.following import Following, Record
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of
from pipeline.engine.fact_record import FactRecord, read_fact
from pipeline.wire.declaration import ENTITY_SEPARATOR

log = logging.getLogger(__name__)

FACTS_MAX = 1_000_000
"""The greatest number of facts of all entities together: each process of the API holds them, some 400 bytes each."""


class ToldFacts:
    """The newest record of each fact, as its bytes. Only the event loop's thread may use it."""

    def __init__(self) -> None:
        self._of_entity: dict[str, dict[str, bytes]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def take(self, records: Sequence[Record]) -> None:
        """Takes in records, in the order of the topic; one without a value takes the fact off."""
        for key, value in records:
            entity, _, name = key.rpartition(ENTITY_SEPARATOR)
            known = self._of_entity.setdefault(entity, {})
            self._count -= name in known
            known.pop(name, None)
            if value is not None:
                known[name] = value
                self._count += 1
            if not known:
                del self._of_entity[entity]

    def of(self, kind: str, entity: str) -> list[FactRecord]:
        """Returns the newest records of an entity's facts that are no deletions, in the order of their names."""
        known = self._of_entity.get(f"{kind}{ENTITY_SEPARATOR}{entity}", {})
        facts = []
        for name in sorted(known):
            try:
                fact = read_fact(known[name])
            except Refusal as refusal:
                log.warning("a record of the topic of facts is passed over: %s", refusal)
                continue
            if fact.op == "put":
                facts.append(fact)
        return facts

    def require_room(self, kind: str, entity: str, name: str) -> None:
        """Refuses a fact that would be one too many.

        Raises:
            Refusal: there are `FACTS_MAX` others.
        """
        if self._count >= FACTS_MAX and name not in self._of_entity.get(f"{kind}{ENTITY_SEPARATOR}{entity}", {}):
            expected = f"at most {FACTS_MAX:,} facts of all entities together"
            raise Refusal("too many facts", where="facts", expected=expected, got="one more", remedy="take off facts that are not needed")


class FactsPart:
    """The part of an API process that follows the facts. Call `start` first, and `close` in any case.

    Attributes:
        told: what was told.
    """

    def __init__(self, settings: Settings) -> None:
        self.told = ToldFacts()
        self._following = Following(connection_of(settings), settings.topic("facts"), "facts", self.told.take)

    async def start(self) -> None:
        """Starts to follow the topic from its beginning and returns; requests meanwhile see what was read.

        Raises:
            Refusal: the broker does not answer, or has no such topic.
        """
        await asyncio.to_thread(self._following.assign, from_end=False)
        self._following.start(asyncio.get_running_loop())

    def close(self) -> None:
        """Closes the connection."""
        self._following.close()
