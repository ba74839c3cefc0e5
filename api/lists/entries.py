"""The entries of lists: they are followed on the topic ``entries``, and a change of one is one record, which takes effect without a
release."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from api.http.etag import etag_matches
from api.http.problem import Problem
from api.kafka.log import LogUnavailableError
from api.lists.entry_topic import EntryTopic
from api.lists.list_shapes import ListChanged
from patterns.entries import FOLDER, Change, Entry, Placed
from patterns.entry_lists import EntryList, EntryLists
from patterns.list_changes import Steps, check_room, pushed
from patterns.list_text import Values

READ_SECONDS_MAX = 10.0
STEPS_AT_ONCE = 500
"""After so many steps of a change, which take some milliseconds, other tasks of the event loop get to run."""

Make = Callable[[EntryList], Steps]


class Collected(NamedTuple):
    """The records to write for a change, and how many of them add a value and how many remove one; the others alter an entry."""

    changes: list[Change]
    added: int
    removed: int


class Entries:
    """The entries of all lists. Only the event loop's thread may use it.

    Before a change is computed, the topic is read to its end, so that it sees all changes that were acknowledged before. The change is
    answered once the broker has it and this process has read it back. Changes in one process are made one after the other. When two
    processes change a list at the same moment, both may find the version that they expect; then both changes are made, and the later
    record for a value counts.

    Args:
        topic: the topic of entries.
        event_time_ms: gives the newest event time known, in ms since the epoch; 0 when none is known, and then nothing has expired.

    Attributes:
        lists: the entries that were read.
    """

    def __init__(self, topic: EntryTopic, event_time_ms: Callable[[], int]) -> None:
        self.lists = EntryLists()
        self.event_time_ms = event_time_ms
        self.topic = topic
        self.one = asyncio.Lock()
        self._opened = asyncio.Event()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def take(self, records: Sequence[Placed]) -> None:
        """Takes in records, in the order of their offsets."""
        for record in records:
            self.lists.take(record)
        for offset, waiting in self._waiting:
            if self.lists.read_to >= offset and not waiting.done():
                waiting.set_result(None)

    def open(self) -> None:
        """Allows reads and changes, once the topic was read to its end and the entries of old releases were carried over."""
        self._opened.set()

    @property
    def is_open(self) -> bool:
        """Whether `open` was called."""
        return self._opened.is_set()

    async def require_open(self) -> None:
        """Returns once `open` was called.

        Raises:
            Problem: 503, it was not called within `READ_SECONDS_MAX`.
        """
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                await self._opened.wait()
        except TimeoutError:
            raise Problem(503, "the entries of lists have not been read yet", [(b"retry-after", b"1")]) from None

    async def change(self, name: str, make: Make, seen: str | None = None) -> ListChanged:
        """Changes the list `name`.

        Args:
            make: gives the changes, from what the list holds now.
            seen: the value of the header ``If-Match``; None skips the check.

        Raises:
            Problem: 412, the version of the list is not one that `seen` names; 503, the entries have not been read yet, or perhaps only
                some of the changes were made.
            Refusal: the list, or all lists together, would have too many entries.
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
        """Makes `lists` hold what a configuration folder says; see `patterns.list_changes.pushed`.

        Raises:
            Problem: as for `change`; lists before the one at fault were changed.
            Refusal: as for `change`.
        """
        id = new_id("push")

        def make(name: str, values: Values) -> Make:
            return lambda found: pushed(found, Entry(name, "", by=by, source=FOLDER, id=id), values)

        return {name: await self.change(name, make(name, values)) for name, values in lists.items()}

    async def catch_up(self) -> None:
        """Returns once all records were read that the topic holds when this is called.

        Raises:
            LogUnavailableError: the broker does not answer.
            Problem: 503, they were not read within `READ_SECONDS_MAX`.
        """
        await self.read_to(await self.topic.end())

    async def read_to(self, offset: int) -> None:
        """Returns once all records before `offset` were taken in.

        Raises:
            Problem: 503, they were not within `READ_SECONDS_MAX`.
        """
        if self.lists.read_to >= offset:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append((offset, waiting))
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                await waiting
        except TimeoutError:
            raise Problem(503, "the newest entries have not been read yet", [(b"retry-after", b"1")]) from None
        finally:
            self._waiting.remove((offset, waiting))

    async def _write(self, name: str, changes: list[Change]) -> None:
        if not changes:
            return
        try:
            end = await self.topic.write(changes)
        except LogUnavailableError as error:
            text = f"perhaps only some changes of the list {name} were made; read the list and send those that it lacks: {error}"
            raise Problem(503, text, [(b"retry-after", b"1")]) from error
        await self.read_to(end)


def require_seen(name: str, found: EntryList, seen: str | None) -> None:
    """Checks that `seen`, the value of the header ``If-Match``, names the version of the list `found`; None skips the check.

    Raises:
        Problem: 412, it names another version.
    """
    if seen is not None and not etag_matches(seen, str(found.version)):
        text = f"the list {name} was changed since it was read; read it again and change what it holds now"
        raise Problem(412, text, members={"in_force": str(found.version)})


async def collect(steps: Steps, found: EntryList) -> Collected:
    """Collects the changes of `steps`, which are computed for the list `found`; other tasks of the event loop run in between."""
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
    """A new unique id for the entries of one request, such as ``edit:9f2c…``."""
    return f"{kind}:{secrets.token_hex(8)}"
