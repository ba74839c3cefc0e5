"""Entries that expired, taken off the topic ``entries``."""

import asyncio
import logging

from api.definitions.in_force import InForce
from api.lists.entries import Entries
from patterns.entries import Change

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
AT_ONCE_MAX = 5_000
KEPT_MS = 86_400_000
"""An entry stays for so long, and for the schema's lateness, after its end: events of before it may still come."""


class Expiring:
    """Looks every `LOOK_SECONDS`. Belongs to the event loop. Of several processes one at a time takes off anything."""

    def __init__(self, entries: Entries, in_force: InForce) -> None:
        self._entries = entries
        self._in_force = in_force

    async def run(self) -> None:
        """For as long as the process lives."""
        while True:
            try:
                while await self.step() == AT_ONCE_MAX:
                    await asyncio.sleep(0)
            except Exception as error:  # whatever it is: the entries count no longer, and go another time
                log.warning("entries that expired stay on the topic for now: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> int:
        """Takes off at most `AT_ONCE_MAX` entries; gives how many.

        Raises:
            LogUnavailableError: the topic takes nothing, or another process took over; nothing goes.
        """
        release = self._in_force.release
        entries = self._entries
        if release is None or not entries.is_open:
            return 0
        before_ms = entries.event_time_ms() - release.schema.lateness_ms - KEPT_MS
        if not entries.lists.expired(before_ms, 1):
            return 0
        async with entries.one:
            await entries.topic.begin_alone()
            await entries.catch_up()
            gone = entries.lists.expired(before_ms, AT_ONCE_MAX)
            await entries.topic.commit_alone(Change(entry.list, entry.value, None).record() for entry in gone)
            await entries.catch_up()
        return len(gone)
