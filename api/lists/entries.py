"""Entries of lists: followed from the topic ``entries``, and changed by one record each, at once and without a release."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from api.http.etag import names
from api.http.problem import Problem
from api.http.responses import ListChanged
from api.kafka.log import LogUnavailableError
from api.lists.entry_topic import EntryTopic
from patterns.entries import FOLDER, Change, Entry, Placed
from patterns.entry_lists import EntryList, EntryLists
from patterns.list_changes import Steps, check_room, pushed
from patterns.list_text import Values

READ_SECONDS_MAX = 10.0
STEPS_AT_ONCE = 500
"""After so many steps of a change, some milliseconds, others have their turn."""

Make = Callable[[EntryList], Steps]


class Collected(NamedTuple):
    """What is to be written for a change: how many of `changes` add a value and take one off; the others alter one."""

    changes: list[Change]
    added: int
    removed: int


class Entries:
    """Belongs to the event loop.

    A change is computed from all that was acknowledged before it: the topic is read to its end first. It is answered once the broker
    has it and this process has read it back. Changes of one process come one after the other. Of two processes that change a list at
    the same moment both may find the version that they expect; then both changes are made, and where both name one value the later
    record counts.

    Args:
        topic: where they are kept.
        event_time_ms: the newest event time known, in ms since the epoch; 0 where none is, and nothing has expired.

    Attributes:
        lists: what was read.
    """

    def __init__(self, topic: EntryTopic, event_time_ms: Callable[[], int]) -> None:
        self.lists = EntryLists()
        self.event_time_ms = event_time_ms
        self.topic = topic
        self.one = asyncio.Lock()
        self._opened = asyncio.Event()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def take(self, records: Sequence[Placed]) -> None:
        """Takes in records in their order."""
        for record in records:
            self.lists.take(record)
        for offset, waiting in self._waiting:
            if self.lists.read_to >= offset and not waiting.done():
                waiting.set_result(None)

    def open(self) -> None:
        """Lets readers and changes in: all was read, and what releases once held was carried over."""
        self._opened.set()

    @property
    def is_open(self) -> bool:
        """Whether it was opened."""
        return self._opened.is_set()

    async def require_open(self) -> None:
        """Returns once it is open.

        Raises:
            Problem: 503, it is not within `READ_SECONDS_MAX`.
        """
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                await self._opened.wait()
        except TimeoutError:
            raise Problem(503, "the entries of lists are not read yet", [(b"retry-after", b"1")]) from None

    async def change(self, name: str, make: Make, seen: str | None = None) -> ListChanged:
        """Changes the list `name`; `make` is given what it is now.

        Args:
            seen: the header ``If-Match``.

        Raises:
            Problem: 412, the list is another one than `seen`; 503, entries are not read yet, or some changes may be made and others not.
            Refusal: there is no room.
        """
        await self.require_open()
        async with self.one:
            await self.catch_up()
            found = self.lists.get(name)
            require_seen(name, found, seen)
            collected = await collect(make(found), found)
            check_room(self.lists, name, collected.added - collected.removed)
            await self._write(name, collected.changes)
        updated = len(collected.changes) - collected.added - collected.removed
        return ListChanged(name, self.lists.get(name).version, bool(collected.changes), collected.added, collected.removed, updated)

    async def push(self, lists: Mapping[str, Values], by: str) -> dict[str, ListChanged]:
        """Makes `lists`, of a configuration folder, what the folder says: see `patterns.list_changes.pushed`.

        Raises:
            Problem: as of `change`. Lists before the one at fault are changed.
            Refusal: there is no room.
        """
        id = new_id("push")

        def make(name: str, values: Values) -> Make:
            return lambda found: pushed(found, Entry(name, "", by=by, source=FOLDER, id=id), values)

        return {name: await self.change(name, make(name, values)) for name, values in lists.items()}

    async def catch_up(self) -> None:
        """Returns when all was read that the topic holds at the call.

        Raises:
            LogUnavailableError: the topic does not answer.
            Problem: 503, it is not read within `READ_SECONDS_MAX`.
        """
        await self.read_to(await self.topic.end())

    async def read_to(self, offset: int) -> None:
        """Returns when all records before `offset` were taken in.

        Raises:
            Problem: 503, they are not within `READ_SECONDS_MAX`.
        """
        if self.lists.read_to >= offset:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append((offset, waiting))
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                await waiting
        except TimeoutError:
            raise Problem(503, "the newest entries are not read yet", [(b"retry-after", b"1")]) from None
        finally:
            self._waiting.remove((offset, waiting))

    async def _write(self, name: str, changes: list[Change]) -> None:
        if not changes:
            return
        try:
            end = await self.topic.write(changes)
        except LogUnavailableError as error:
            text = f"some changes of {name} may be made and others not: read the list, and send what it lacks: {error}"
            raise Problem(503, text, [(b"retry-after", b"1")]) from error
        await self.read_to(end)


def require_seen(name: str, found: EntryList, seen: str | None) -> None:
    """Lets a change pass when `found`, the list `name`, is what `seen`, the header ``If-Match``, names; None names any.

    Raises:
        Problem: 412, it is another one.
    """
    if seen is not None and not names(seen, str(found.version)):
        text = f"list {name} was changed since: read what it is now, and change that"
        raise Problem(412, text, members={"in_force": str(found.version)})


async def collect(steps: Steps, found: EntryList) -> Collected:
    """The changes among `steps`, which are made to `found`. Others have their turn meanwhile."""
    changes: list[Change] = []
    added = removed = 0
    for number, change in enumerate(steps, 1):
        if change is not None:
            changes.append(change)
            removed += change.entry is None
            added += change.entry is not None and found.get(change.value) is None
        if number % STEPS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return Collected(changes, added, removed)


def new_id(kind: str) -> str:
    """The id of an effect, such as ``edit:9f2c…``, that no other has."""
    return f"{kind}:{secrets.token_hex(8)}"
