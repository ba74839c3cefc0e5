"""The profiles of one kind of entity in one process, loaded from and written through to kept state."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.plan import Plan
from features.profile import Profiles, Saved

Kept = tuple[bytes | None, list[tuple[int, bytes]]]
"""A profile as kept: its head, and its sealed pages by number. No head: never seen."""


class ProfileState(Protocol):
    """Where profiles outlive the process. One call reads or writes all keys of a micro-batch."""

    def read(self, kind: str, keys: list[str]) -> list[Kept]:
        """What is kept of each key, in order."""
        ...

    def write(self, kind: str, keys: list[str], saved: Saved) -> None:
        """Keeps what changed of each key."""
        ...


class ProfileArenas:
    """One arena of profiles a layout; state, where given, is the truth and the arenas a cache of it.

    Around a change of release some events still carry the old one, so that two layouts are in use for a moment:
    each key lives in the arena that used it last, and is rebuilt under the other layout from its retained history.

    Args:
        kind: the kind of entity.
        state: where profiles are kept; ``None``: in the arenas alone (replay).
        keys_max: profiles held in memory, when there is state to read them from again.
    """

    def __init__(self, kind: str, state: ProfileState | None = None, keys_max: int = 1_000_000) -> None:
        self._kind = kind
        self._state = state
        self._keys_max = keys_max
        self._arenas: dict[tuple[int, bytes, int], Profiles] = {}

    def open(self, plan: Plan, extra_width: int, keys: list[str]) -> tuple[Profiles, NDArray[np.int64]]:
        """The arena for `plan` with all `keys` in it, and their slots."""
        layout = (plan.layout, plan.arrays.outputs.tobytes(), extra_width)
        arena = self._arenas.get(layout)
        if arena is None:
            arena = self._arenas[layout] = Profiles(plan, extra_width, durable=self._state is not None)
        for other_layout, other in self._arenas.items():
            if other_layout != layout:
                other.discard(keys)
        if self._state is not None:
            missing = arena.missing(keys)
            if missing:
                for key, (head, pages) in zip(missing, self._state.read(self._kind, missing), strict=True):
                    if head is not None:
                        arena.restore(key, head, pages)
        return arena, arena.slots(keys)

    def keep(self, arena: Profiles, keys: list[str]) -> None:
        """Writes what changed of `keys` to the state."""
        if self._state is None:
            return
        unique = list(dict.fromkeys(keys))
        self._state.write(self._kind, unique, arena.save(arena.slots(unique)))
        arena.evict(self._keys_max)
