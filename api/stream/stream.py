"""Sends decisions to watchers as they are delivered; a slow watcher loses decisions and does not slow down the others."""

import asyncio
import re
from collections import deque
from collections.abc import Mapping, Sequence, Sized
from typing import Protocol

import msgspec

from api.http.problem import Problem
from pipeline.engine.isolation import Aside

CLIENTS_MAX = 100
QUEUE_MAX = 256
KEPT_MAX = 2_000
KEPT_BYTES_MAX = 16_777_216
HEARTBEAT = b": still here\n\n"

Position = tuple[int, int]
"""The partition and the offset of a decision."""
PositionedRecord = tuple[Position, bytes]


class Source(Protocol):
    """A source of decisions, which is open only while somebody watches."""

    async def open(self, stream: "Stream") -> None:
        """Gives the stream the newest decisions (`Stream.begin`) and then each new one (`Stream.take`), in the event loop.

        Raises:
            Problem: 503, the decisions cannot be read.
        """

    async def close(self) -> None:
        """Stops to give decisions."""


class Seen(msgspec.Struct):
    """The fields of a decision that watchers can filter by."""

    user: str = ""
    entities: dict[str, str | None] = {}
    score: float | None = None
    action: str = ""


class Wanted(msgspec.Struct, frozen=True):
    """A watcher's filter; a field that is empty or None lets all decisions pass.

    Args:
        actions: the decision has one of these actions.
        entity_type: the type of the entity `id`; None means the primary entity.
        id: the event is one of this entity.
        min_score: the least score, inclusive; a decision without a score does not pass.
    """

    actions: tuple[str, ...] = ()
    entity_type: str | None = None
    id: str | None = None
    min_score: float | None = None

    def takes(self, seen: Seen) -> bool:
        """Whether a decision passes the filter."""
        if self.actions and seen.action not in self.actions:
            return False
        if self.id is not None and (seen.user if self.entity_type is None else seen.entities.get(self.entity_type)) != self.id:
            return False
        return self.min_score is None or (seen.score is not None and seen.score >= self.min_score)


class Watcher:
    """The queue of one watcher. When it is full, decisions are dropped, and the watcher gets their number before the next one.

    Attributes:
        begins_after: the id after which the watcher is served; '' when it named an id itself.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.begins_after = ""
        self._queue: deque[bytes] = deque()
        self._dropped = 0
        self._there = asyncio.Event()

    def put(self, frame: bytes) -> None:
        """Adds a frame, or drops it when the queue is full; never waits."""
        if len(self._queue) >= QUEUE_MAX:
            self._dropped += 1
            return
        if self._dropped:
            self._queue.append(frame_of("lagged", msgspec.json.encode({"dropped": self._dropped})))
            self._dropped = 0
        self._queue.append(frame)
        self._there.set()

    async def next(self, seconds: float) -> bytes:
        """Waits for frames and gives all that have come; after `seconds` without any it gives a heartbeat."""
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
    """All watchers of one process, and the newest decisions for watchers that reconnect. Only the event loop's thread may use it.

    The id of a decision holds the offset of each partition, such as ``0:12,1:7``, so that any API process knows what comes after it.
    """

    def __init__(self, source: Source) -> None:
        self.aside = Aside("decision")
        self._source = source
        self._one = asyncio.Lock()
        self._watchers: list[Watcher] = []
        self._kept: deque[tuple[Position, Seen, bytes]] = deque()
        self._kept_bytes = 0
        self._oldest: dict[int, int] = {}
        self._at: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._watchers)

    async def join(self, wanted: Wanted, after: Mapping[int, int] | None) -> Watcher:
        """Adds a watcher. The caller has to call `leave` afterwards.

        Args:
            wanted: its filter.
            after: an offset by partition; the watcher first gets the kept decisions after them. None means that it gets new ones only.

        Raises:
            Problem: 429, there are `CLIENTS_MAX` watchers already; 503, the decisions cannot be read.
        """
        async with self._one:
            require_room(self._watchers, "watchers")
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
        """Removes a watcher; when it is the last one, the source is closed."""
        async with self._one:
            self._watchers.remove(watcher)
            if not self._watchers:
                await self._source.close()
                self._reset()

    def begin(self, starts: Mapping[int, int]) -> None:
        """Sets the offset of each partition at which the following calls of `take` begin."""
        self._oldest = dict(starts)
        self._at = {partition: offset - 1 for partition, offset in starts.items()}

    def take(self, records: Sequence[PositionedRecord]) -> None:
        """Takes in decisions, in order within a partition; a record that is not a decision is passed over."""
        for (partition, offset), value in records:
            self._at[partition] = offset
            for _ in self.aside.each([(f"decisions/{partition}", offset, ((partition, offset), value))], self._show):
                pass

    def _show(self, record: PositionedRecord) -> None:
        position, value = record
        seen = _read(value)
        frame = frame_of("decision", value, self._id())
        wanted = [watcher for watcher in self._watchers if watcher.wanted.takes(seen)]
        self._keep(position, seen, frame)
        for watcher in wanted:
            watcher.put(frame)

    def _id(self) -> str:
        return ",".join(f"{number}:{at}" for number, at in sorted(self._at.items()))

    def _keep(self, position: Position, seen: Seen, frame: bytes) -> None:
        self._kept.append((position, seen, frame))
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
_POSITION = re.compile("([0-9]{1,6}):(-?[0-9]{1,18})")


def require_room(watchers: Sized, what: str) -> None:
    """Checks that one more may join `watchers`, which are called `what`.

    Raises:
        Problem: 429, there are `CLIENTS_MAX` already.
    """
    if len(watchers) >= CLIENTS_MAX:
        text = f"{CLIENTS_MAX} {what} are connected, which is the most that this process serves"
        raise Problem(429, text, [(b"retry-after", b"10")])


def frame_of(name: str, data: bytes, id: str = "") -> bytes:
    """A server-sent event; `data` is JSON, so its line breaks can be replaced by spaces."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: ".encode() + data.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n\n"


def positions_of(id: str) -> dict[int, int]:
    """The offset by partition that the id of a streamed decision holds.

    Raises:
        Problem: 422, the id is not one of a streamed decision.
    """
    positions: dict[int, int] = {}
    for part in id.split(",") if len(id) < 10_000 else [""]:
        position = _POSITION.fullmatch(part)
        if position is None:
            expected = "the id of an event of this stream, such as 0:12,1:7"
            members = {"what": "bad id", "where": "last-event-id", "expected": expected, "got": id[:80]}
            raise Problem(422, f"last-event-id: bad id: expected {expected}, got {id[:80]}", members=members)
        positions[int(position[1])] = int(position[2])
    return positions
