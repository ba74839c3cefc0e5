"""Carries entries of lists over from a release of an older version, which held them itself, to the topic ``entries``, once."""

import asyncio
import itertools
import logging

from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http.retry import retry_until_done
from api.lists.entries import Entries, collect
from patterns.entries import RELEASE, Change, Entry, carried_over_mark
from patterns.list_changes import carried_over
from patterns.list_text import values_of_lists
from patterns.lists import declared

log = logging.getLogger(__name__)

BY = "carry-over"
"""The author of these entries, and of the release that no longer holds them."""


class CarryOver:
    """Carries entries over if that was not done yet, and then opens `entries`. Only the event loop's thread may use it.

    One process writes all these entries and the record `carried_over_mark` in one transaction. No entry can be changed before that record
    is there, so carried-over entries overwrite no change; and once it is there, they are never written again.
    """

    def __init__(self, entries: Entries, in_force: InForce, definitions: Definitions) -> None:
        self._entries = entries
        self._in_force = in_force
        self._definitions = definitions

    async def run(self) -> None:
        """Returns once `entries` are open; it tries again while the broker is down or no release is in force."""
        await retry_until_done(self._open, "the entries of lists")
        try:
            await self._leave_releases()
        except Exception as error:  # a store of any kind may be down; the next upload does the same
            log.warning("the release in force still holds entries of lists, which have no effect; the next upload removes them: %s", error)

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
            log.info("%d entries of lists were carried over from release %d to the topic of entries", len(changes), release.id)

    async def _leave_releases(self) -> None:
        """If the release in force still holds the entries of its lists, puts one in force that only declares these lists."""
        if declared(self._in_force.texts) != self._in_force.texts:
            published = await self._definitions.put({}, BY)
            log.info("release %d only declares its lists and holds none of their entries", published.release)
