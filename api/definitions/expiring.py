"""Removes expired entries from the topic ``entries``."""

import asyncio
import logging

from api.definitions.in_force import InForce
from api.lists.entries import Entries
from patterns.entries import Change

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
AT_ONCE_MAX = 5_000
KEPT_MS = 86_400_000
"""An expired entry is kept for this time and the schema's lateness, because events from before its expiry may still come."""


class Expiring:
    """Removes expired entries every `LOOK_SECONDS`; of several processes only one does so at a time. Only the event loop may use it."""

    def __init__(self, entries: Entries, in_force: InForce) -> None:
        self._entries = entries
        self._in_force = in_force

    async def run(self) -> None:
        """Runs for as long as the process lives."""
        while True:
            try:
                while await self.step() == AT_ONCE_MAX:
                    await asyncio.sleep(0)
            except Exception as error:  # any error may pass: expired entries have no effect, and the next round removes them
                log.warning("expired entries stay on the topic until the next try: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> int:
        """Removes at most `AT_ONCE_MAX` entries and gives their number.

        Raises:
            LogUnavailableError: the broker takes nothing, or another process took over; then nothing is removed.
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
