"""Knows which keys wait for an absence, and until when: whoever has the clock of event time asks who is due."""

import heapq
from collections.abc import Sequence
from typing import Protocol

from foundation.number_arrays import Int64s
from patterns.sequences.plan.tables import NONE

Key = tuple[str, str]
"""A kind of entity, which is '' for users, and an id."""


class KeptWaits(Protocol):
    """Where waits outlive the process, beside the profiles that they are of."""

    def waiting(self) -> dict[Key, int]:
        """The deadline of each key that waits, as it was kept last."""
        ...

    def wait(self, deadlines_ms: dict[Key, int | None]) -> None:
        """Keeps deadlines; None: the key waits no longer."""
        ...


class Waits:
    """Holds the earliest deadline of each key that waits; about 300 bytes a key.

    Args:
        kept: where they outlive the process; None: nowhere.
    """

    def __init__(self, kept: KeptWaits | None) -> None:
        self._kept = kept
        self._deadlines: dict[Key, int] = {} if kept is None else kept.waiting()
        self._heap = [(deadline, key) for key, deadline in self._deadlines.items()]
        heapq.heapify(self._heap)
        self._changed: dict[Key, int | None] = {}

    def note(self, kind: str, keys: Sequence[str], deadlines_ms: Int64s) -> None:
        """Takes in the earliest deadline of each of `keys`, `NONE` where it waits no longer."""
        for id, deadline in zip(keys, deadlines_ms.tolist(), strict=True):
            key = (kind, id)
            if deadline == NONE:
                if self._deadlines.pop(key, None) is not None:
                    self._changed[key] = None
            elif self._deadlines.get(key) != deadline:
                self._deadlines[key] = self._changed[key] = deadline
                heapq.heappush(self._heap, (deadline, key))

    @property
    def first_ms(self) -> int | None:
        """The earliest deadline; None where nobody waits."""
        while self._heap and self._deadlines.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now_ms: int) -> dict[str, list[str]]:
        """Returns by kind the keys whose deadlines lie before `now_ms`, the earliest first; they wait no longer."""
        found: dict[str, dict[str, None]] = {}
        while (first := self.first_ms) is not None and first < now_ms:
            kind, id = key = heapq.heappop(self._heap)[1]
            found.setdefault(kind, {})[id] = None
            del self._deadlines[key]
            self._changed[key] = None
        return {kind: list(ids) for kind, ids in found.items()}

    def save(self) -> None:
        """Keeps what has changed since the last call."""
        if self._changed and self._kept is not None:
            self._kept.wait(self._changed)
        self._changed = {}
