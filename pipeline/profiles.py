"""The profiles of one kind of entity in one process, loaded from and written through to kept state."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.codec import Cells, Saved
from features.plan import Plan
from features.profile import Profiles

Kept = tuple[bytes | None, list[tuple[int, bytes]]]
"""A profile as kept: its head, and its sealed pages by number. No head: never seen."""

SMALL_EVENTS = 64
"""A bundle of up to so many events comes at a time of little load: its profiles are written at once."""
UNSAVED_MAX = 32_768
"""Profiles that wait to be written: what a checkpoint has to write at most, some 50 ms, and what memory holds twice."""
WRITTEN_AT_ONCE = 4_096
KEYS_MAX = 1_000_000
"""Profiles held in memory, when there is state to read them from again."""


class ProfileState(Protocol):
    """Where profiles outlive the process. One call reads or writes all keys of a micro-batch."""

    def read(self, kind: str, keys: list[str]) -> list[Kept]:
        """What is kept of each key, in order."""
        ...

    def write(self, kind: str, keys: list[str], saved: Saved) -> None:
        """Keeps what changed of each key."""
        ...


class ProfileArenas:
    """One arena of profiles a layout; state, where given, is the truth of the last save and the arenas run ahead of it.

    A profile is written when its bundle is small, when too many wait, and by `save` before each checkpoint: under load a busy
    key is written once for many events. Around a change of release some events still carry the old one, so that two layouts
    are in use for a moment: each key lives in the arena that used it last, and is rebuilt under the other layout from its
    retained history.

    Args:
        kind: the kind of entity.
        state: where profiles are kept; ``None``: in the arenas alone (replay).
    """

    def __init__(self, kind: str, state: ProfileState | None = None) -> None:
        self._kind = kind
        self._state = state
        self._arenas: dict[tuple[int, bytes, Cells], _Arena] = {}

    def open(self, plan: Plan, cells: Cells, keys: list[str]) -> tuple[Profiles, NDArray[np.int64]]:
        """The arena for `plan` with all `keys` in it, and their slots; `save` or `keep` has to follow what changes them."""
        layout = (plan.layout, plan.arrays.outputs.tobytes(), cells)
        arena = self._arenas.get(layout)
        if arena is None:
            arena = self._arenas[layout] = _Arena(Profiles(plan, cells, durable=self._state is not None), {})
        for other in self._arenas.values():
            if other is not arena and len(other.profiles):
                self._write(other, [key for key in dict.fromkeys(keys) if key in other.unsaved])
                other.profiles.discard(keys)
        if self._state is not None:
            touched = dict.fromkeys(keys)
            missing = arena.profiles.missing(touched)
            if missing:
                for key, (head, pages) in zip(missing, self._state.read(self._kind, missing), strict=True):
                    if head is not None:
                        arena.profiles.restore(key, head, pages)
            arena.unsaved.update(touched)
        return arena.profiles, arena.profiles.slots(keys)

    def keep(self, events: int) -> None:
        """Says that a bundle of so many events is done: writes at once what costs little now, or would cost too much later."""
        if self._state is None:
            return
        for arena in self._arenas.values():
            if events <= SMALL_EVENTS or len(arena.unsaved) > UNSAVED_MAX or len(arena.profiles) > KEYS_MAX:
                self._write(arena, list(arena.unsaved))
            if len(arena.profiles) > KEYS_MAX:
                arena.profiles.evict(KEYS_MAX - KEYS_MAX // 8)

    @property
    def unsaved(self) -> bool:
        """Whether the state lacks anything of what is here."""
        return any(arena.unsaved for arena in self._arenas.values())

    def save(self) -> None:
        """Writes whatever the state does not have yet."""
        for arena in self._arenas.values():
            self._write(arena, list(arena.unsaved))

    def _write(self, arena: "_Arena", keys: list[str]) -> None:
        if self._state is None:
            return
        for key in keys:
            del arena.unsaved[key]
        for first in range(0, len(keys), WRITTEN_AT_ONCE):
            part = keys[first : first + WRITTEN_AT_ONCE]
            self._state.write(self._kind, part, arena.profiles.save(arena.profiles.slots(part)))


@dataclass(slots=True)
class _Arena:
    profiles: Profiles
    unsaved: dict[str, None]
