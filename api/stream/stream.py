"""Decisions as they are delivered, to any number of watchers that may be slow."""

import asyncio
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from api.http.problem import Problem
from pipeline.engine.isolation import Aside

CLIENTS_MAX = 100
QUEUE_MAX = 256
KEPT_MAX = 2_000
KEPT_BYTES_MAX = 16_777_216
HEARTBEAT = b": still here\n\n"

Place = tuple[int, int]
"""Partition and offset of a decision."""
Placed = tuple[Place, bytes]


class Source(Protocol):
    """Where decisions come from: followed while anybody watches, and not otherwise."""

    async def open(self, stream: "Stream") -> None:
        """Hands the stream the newest decisions (`Stream.begin`), then each new one (`Stream.take`), in the event loop.

        Raises:
            Problem: 503, they cannot be read.
        """

    async def close(self) -> None:
        """Hands over no more."""


class Seen(msgspec.Struct):
    """What watchers choose by."""

    user: str = ""
    entities: dict[str, str | None] = {}
    score: float | None = None
    action: str = ""


class Wanted(msgspec.Struct, frozen=True):
    """What a watcher wants to see: any of `actions`, of the entity `id` (`kind` None: the user), with a score from `min_score` on."""

    actions: tuple[str, ...] = ()
    kind: str | None = None
    id: str | None = None
    min_score: float | None = None

    def takes(self, seen: Seen) -> bool:
        """Whether a decision is wanted; one without a score has none from any `min_score` on."""
        if self.actions and seen.action not in self.actions:
            return False
        if self.id is not None and (seen.user if self.kind is None else seen.entities.get(self.kind)) != self.id:
            return False
        return self.min_score is None or (seen.score is not None and seen.score >= self.min_score)


class Watcher:
    """One watcher's queue: when it is full, what comes is dropped and counted, and the count is told first thing afterwards.

    `begins_after`: the id of the place from which on it is served; '' where it named one itself.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.begins_after = ""
        self._queue: deque[bytes] = deque()
        self._dropped = 0
        self._there = asyncio.Event()

    def put(self, frame: bytes) -> None:
        """Adds a frame, or drops it; waits for nobody."""
        if len(self._queue) >= QUEUE_MAX:
            self._dropped += 1
            return
        if self._dropped:
            self._queue.append(frame_of("lagged", msgspec.json.encode({"dropped": self._dropped})))
            self._dropped = 0
        self._queue.append(frame)
        self._there.set()

    async def next(self, seconds: float) -> bytes:
        """What has come, or a comment after `seconds` without any."""
        try:
            async with asyncio.timeout(seconds):
                await self._there.wait()
        except TimeoutError:
            return HEARTBEAT
        self._there.clear()
        frames = b"".join(self._queue)
        self._queue.clear()
        if self._dropped:
            frames += frame_of("lagged", msgspec.json.encode({"dropped": self._dropped}))
            self._dropped = 0
        return frames


class Stream:
    """All watchers of one process, and the newest decisions for those that come back. Belongs to the event loop's thread.

    The id of a decision says how far each partition was: ``0:12,1:7``; so what follows it is known also in another process.
    """

    def __init__(self, source: Source) -> None:
        self.aside = Aside("decision")
        self._source = source
        self._one = asyncio.Lock()
        self._watchers: list[Watcher] = []
        self._kept: deque[tuple[Place, Seen, bytes]] = deque()
        self._kept_bytes = 0
        self._oldest: dict[int, int] = {}
        self._at: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._watchers)

    async def join(self, wanted: Wanted, after: Mapping[int, int] | None) -> Watcher:
        """A new watcher; `after`: it gets what came after those places first. To be left with `leave`.

        Raises:
            Problem: 429, there are `CLIENTS_MAX` already; 503, the decisions cannot be read.
        """
        async with self._one:
            if len(self._watchers) >= CLIENTS_MAX:
                raise Problem(429, f"{CLIENTS_MAX} watchers are served, no more are taken", [(b"retry-after", b"10")])
            if not self._watchers:
                self._reset()
                await self._source.open(self)
            watcher = Watcher(wanted)
            if after is None:
                watcher.begins_after = self._id()
            else:
                self._catch_up(watcher, after)
            self._watchers.append(watcher)
        return watcher

    async def leave(self, watcher: Watcher) -> None:
        """The watcher is served no more; after the last one the source is closed."""
        async with self._one:
            self._watchers.remove(watcher)
            if not self._watchers:
                await self._source.close()
                self._reset()

    def begin(self, starts: Mapping[int, int]) -> None:
        """What is taken next begins, in each partition, at these offsets."""
        self._oldest = dict(starts)
        self._at = {partition: offset - 1 for partition, offset in starts.items()}

    def take(self, records: Sequence[Placed]) -> None:
        """Takes in decisions, in order within a partition; what is no decision is passed over."""
        for (partition, offset), value in records:
            self._at[partition] = offset
            for _ in self.aside.each([(f"decisions/{partition}", offset, ((partition, offset), value))], self._show):
                pass

    def _show(self, record: Placed) -> None:
        place, value = record
        seen = _read(value)
        frame = frame_of("decision", value, self._id())
        wanted = [watcher for watcher in self._watchers if watcher.wanted.takes(seen)]
        self._keep(place, seen, frame)
        for watcher in wanted:
            watcher.put(frame)

    def _id(self) -> str:
        return ",".join(f"{number}:{at}" for number, at in sorted(self._at.items()))

    def _keep(self, place: Place, seen: Seen, frame: bytes) -> None:
        self._kept.append((place, seen, frame))
        self._kept_bytes += len(frame)
        while len(self._kept) > KEPT_MAX or self._kept_bytes > KEPT_BYTES_MAX:
            (partition, offset), _, old = self._kept.popleft()
            self._oldest[partition] = offset + 1
            self._kept_bytes -= len(old)

    def _catch_up(self, watcher: Watcher, after: Mapping[int, int]) -> None:
        gone = sum(max(0, oldest - after.get(partition, -1) - 1) for partition, oldest in self._oldest.items())
        if gone:
            watcher.put(frame_of("gap", msgspec.json.encode({"missing": gone})))
        for (partition, offset), seen, frame in self._kept:
            if offset > after.get(partition, -1) and watcher.wanted.takes(seen):
                watcher.put(frame)

    def _reset(self) -> None:
        self._kept.clear()
        self._kept_bytes = 0
        self._oldest, self._at = {}, {}


_read = msgspec.json.Decoder(Seen).decode
_PLACE = re.compile("([0-9]{1,6}):(-?[0-9]{1,18})")


def frame_of(name: str, data: bytes, id: str = "") -> bytes:
    """An event of the protocol; `data` is JSON, so that its line breaks mean nothing."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: ".encode() + data.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n\n"


def places_of(id: str) -> dict[int, int]:
    """The places that an id names.

    Raises:
        Problem: 422, it is not one that a stream gave out.
    """
    places: dict[int, int] = {}
    for part in id.split(",") if len(id) < 10_000 else [""]:
        place = _PLACE.fullmatch(part)
        if place is None:
            members = {"what": "bad id", "where": "last-event-id", "expected": "the id of an event of this stream", "got": id[:80]}
            raise Problem(422, "last-event-id: not the id of an event of this stream", members=members)
        places[int(place[1])] = int(place[2])
    return places
