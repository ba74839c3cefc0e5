"""Repeated decisions are dropped here: of the decisions on one event and revision of a primary entity, only the first counts."""

import hashlib
import struct
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from features.profiles.heads import Heads
from pipeline.engine.isolation import Aside
from pipeline.flink.state import BulkState
from pipeline.wire.bodies import PlacedRecord
from pipeline.wire.bulk_state import pack_changes, pack_keys, unpack_profiles

PAGE = 4_096
_WORD = struct.Struct("<Q")
Words = NDArray[np.uint64]


def word_of_decision(user: str, event_id: str, revision: int) -> int:
    """A 64-bit hash of a decision; two decisions have the same one with a probability of 2**-64. Cost: about 0.7 µs."""
    digest = hashlib.blake2b(f"{revision} {len(user)} {user}{event_id}".encode(), digest_size=8).digest()
    return int(_WORD.unpack(digest)[0])


class _Seen:
    """The newest hashes of one partition, in full pages, oldest first, and one open page."""

    def __init__(self, first: int, pages: list[Words], opened: Words) -> None:
        self.first = first
        self.pages = deque(pages)
        self.opened: list[int] = opened.tolist()
        self.known = {word for page in pages for word in page.tolist()} | set(self.opened)
        self.saved = first + len(pages)
        self.dropped: list[int] = []


class FirstWins:
    """Remembers the last `window` decisions of each partition, and saves them in Flink's state at each checkpoint.

    A repeat comes in the same partition as the first decision, since both are keyed by the primary entity. The score job repeats what it
    decided since its last checkpoint, so the window is a number of decisions and not a time. A repeat that comes more than `window`
    decisions after the first counts again. Cost of a decision: about 1 µs, 8 bytes in the state, and some 70 bytes in memory.

    Args:
        state: Flink's keyed state of the operator, keyed by partition.
        window: number of decisions that are remembered of each partition, rounded up to pages of 4,096.
    """

    def __init__(self, state: BulkState, window: int) -> None:
        self._state = state
        self._pages_max = max(1, -(-window // PAGE))
        self._partitions: dict[str, _Seen] = {}

    def is_first(self, partition: str, word: int) -> bool:
        """Whether the decision with the hash `word` is new in `partition`; from now on it is known."""
        seen = self._partitions.get(partition) or self._restored(partition)
        if word in seen.known:
            return False
        seen.known.add(word)
        seen.opened.append(word)
        if len(seen.opened) == PAGE:
            self._seal(seen)
        return True

    def save(self) -> None:
        """Writes to the state the open page of each partition, and the pages that were filled since the last call."""
        for partition, seen in self._partitions.items():
            fresh = range(seen.saved, seen.first + len(seen.pages))
            pages = [(0, number, seen.pages[number - seen.first].tobytes()) for number in fresh]
            head = _WORD.pack(seen.first) + np.array(seen.opened, np.uint64).tobytes()
            changes = pack_changes(Heads.of([head]), pages, [(0, number) for number in seen.dropped])
            self._state.write(pack_keys([partition.encode()]), changes)
            seen.saved = max(seen.saved, seen.first + len(seen.pages))
            seen.dropped = []

    def _restored(self, partition: str) -> _Seen:
        [(head, pages)] = unpack_profiles(bytes(self._state.read(pack_keys([partition.encode()]))))
        first = _WORD.unpack_from(head)[0] if head else 0
        kept = [np.frombuffer(page, np.uint64) for number, page in sorted(pages) if number >= first]
        opened = np.frombuffer(head[_WORD.size :], np.uint64) if head else np.zeros(0, np.uint64)
        seen = self._partitions[partition] = _Seen(first, kept, opened)
        return seen

    def _seal(self, seen: _Seen) -> None:
        seen.pages.append(np.array(seen.opened, np.uint64))
        seen.opened = []
        if len(seen.pages) > self._pages_max:
            seen.known.difference_update(seen.pages.popleft().tolist())
            if seen.first < seen.saved:
                seen.dropped.append(seen.first)
            seen.first += 1
            seen.saved = max(seen.saved, seen.first)


class Identified(Protocol):
    """The fields by which one decision is told from another."""

    user: str
    event_id: str
    revision: int


Decoded = TypeVar("Decoded", bound=Identified)


class FirstDecisions(Generic[Decoded]):
    """Decodes records of the decisions topic and passes on the first decision of each primary entity, event and revision.

    Args:
        decode: decodes a record's value; a record at which it raises any exception is no decision.
        first_wins: remembers which decisions have come.
    """

    def __init__(self, decode: Callable[[bytes], Decoded], first_wins: FirstWins) -> None:
        self.repeats = 0
        self.aside = Aside("decision")
        self._decode = decode
        self._first_wins = first_wins

    def take(self, record: PlacedRecord, use: Callable[[Decoded], None]) -> None:
        """Calls `use` with the decision, unless it is a repeat. A record at which anything raises is set aside.

        Args:
            use: takes the decision; if it raises, it must have changed nothing.
        """

        def once(record: PlacedRecord) -> None:
            decision = self._decode(record.value)
            if self._first_wins.is_first(record.place, word_of_decision(decision.user, decision.event_id, decision.revision)):
                use(decision)
            else:
                self.repeats += 1

        for _ in self.aside.each([(record.place, record.offset, record)], once):
            pass

    def save(self) -> None:
        """Saves which decisions have come, with `FirstWins.save`."""
        self._first_wins.save()
