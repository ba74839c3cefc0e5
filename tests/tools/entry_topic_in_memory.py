"""The topic of entries in memory, which any number of processes of a test follow. For tests only."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from api.kafka.log import LogUnavailableError
from patterns.entries import Change, Placed, placed


class Follower(Protocol):
    """Who is given each record."""

    def take(self, records: Sequence[Placed]) -> None:
        """Takes in records in their order."""


class StoredEntries:
    """The records, and who follows them; `down` while the topic takes and gives nothing."""

    def __init__(self) -> None:
        self.records: list[tuple[int, str, bytes | None]] = []
        self.end = 0
        self.turn = 0
        self.down = False
        self.followers: list[Follower] = []

    def append(self, records: Iterable[tuple[str, bytes | None]]) -> int:
        """Writes records, and gives the offset behind the last."""
        new = [(self.end + number, key, value) for number, (key, value) in enumerate(records)]
        self.records += new
        self.end += len(new)
        for follower in self.followers:
            follower.take([placed(key, value, offset) for offset, key, value in new])
        return self.end

    def compact(self) -> None:
        """Keeps the newest record of each key that has a value."""
        newest = {key: offset for offset, key, _ in self.records}
        self.records = [each for each in self.records if newest[each[1]] == each[0] and each[2] is not None]

    def follow(self, follower: Follower) -> None:
        """Gives `follower` what is there, and what comes."""
        follower.take([placed(key, value, offset) for offset, key, value in self.records])
        follower.take([Placed(self.end - 1, None)])
        self.followers.append(follower)


class MemoryEntryTopic:
    """See `api.lists.entry_topic.EntryTopic`: one process's way to `stored`."""

    def __init__(self, stored: StoredEntries) -> None:
        self._stored = stored
        self._turn = 0

    async def end(self) -> int:
        self._require_up()
        return self._stored.end

    async def write(self, changes: Sequence[Change]) -> int:
        await asyncio.sleep(0)
        self._require_up()
        return self._stored.append(change.record() for change in changes)

    async def begin_alone(self) -> None:
        self._require_up()
        self._stored.turn += 1
        self._turn = self._stored.turn

    async def commit_alone(self, records: Iterable[tuple[str, bytes | None]]) -> None:
        self._require_up()
        if self._turn != self._stored.turn:
            raise LogUnavailableError("another process began since")
        self._stored.append(records)

    def _require_up(self) -> None:
        if self._stored.down:
            raise LogUnavailableError("the test's topic is down")
