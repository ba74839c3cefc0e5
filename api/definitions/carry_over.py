"""Entries that releases once held, written to the topic ``entries`` once; then `Entries` are opened."""

import asyncio
import itertools
import logging

from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http.retry import settled
from api.lists.entries import Entries, collect
from patterns.entries import RELEASE, Change, Entry, carried_over_mark
from patterns.list_changes import carried_over
from patterns.list_text import values_of_lists
from patterns.lists import declared

log = logging.getLogger(__name__)

BY = "carry-over"
"""By whom these entries are, and the release without them."""


class CarryOver:
    """Opens `entries`. Belongs to the event loop.

    The record `carried_over_mark` comes with the entries, all of them or none, and from one process only. No entry is changed before it is
    there, so that none is overwritten; and none is written again once it is.
    """

    def __init__(self, entries: Entries, in_force: InForce, definitions: Definitions) -> None:
        self._entries = entries
        self._in_force = in_force
        self._definitions = definitions

    async def settle(self) -> None:
        """Returns once `entries` are open; tries again for as long as the broker is away, or no release is in force."""
        await settled(self._open, "the entries of lists")
        try:
            await self._leave_releases()
        except Exception as error:  # whatever store is away: the next upload does the same
            log.warning("the release in force holds entries of lists, which count no longer, until the next upload: %s", error)

    async def _open(self) -> None:
        await self._entries.catch_up()
        if not self._entries.lists.carried_over:
            await self._carry_over()
        self._entries.open()

    async def _carry_over(self) -> None:
        release, _ = self._in_force.require()
        entries = self._entries
        async with entries.one:
            await entries.topic.begin_alone()
            await entries.catch_up()
            if entries.lists.carried_over:
                return
            values = await asyncio.to_thread(values_of_lists, self._in_force.texts)
            changes: list[Change] = []
            for name, each in values.items():
                found = entries.lists.get(name)
                like = Entry(name, "", by=BY, source=RELEASE, id=f"{BY}:{release.id}")
                changes += (await collect(carried_over(found, like, each), found)).changes
            records = (change.record() for change in changes)
            await entries.topic.commit_alone(itertools.chain(records, [carried_over_mark(release.id)]))
            await entries.catch_up()
        if changes:
            log.info("%d entries of release %d are records of the topic of entries from now on", len(changes), release.id)

    async def _leave_releases(self) -> None:
        """Puts in force a release that declares its lists in place of holding them, where the one in force is of an older version."""
        if declared(self._in_force.texts) != self._in_force.texts:
            published = await self._definitions.put({}, BY)
            log.info("release %d declares its lists and holds none of their entries", published.release)
