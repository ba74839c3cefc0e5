"""The profiles of one kind of entity in one process, loaded from and written through to kept state."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.plan.plan import Plan
from features.profiles.codec import Saved
from features.profiles.profiles import Profiles
from features.profiles.sections import Section, Widths, widths_of
from foundation.refusal import Refusal
from pipeline.engine.isolation import NoRecordsFaultError

Kept = tuple[bytes | None, list[tuple[int, bytes]]]
"""A profile as kept: its head, and its sealed pages by number. No head: never seen."""

SMALL_EVENTS = 64
"""A bundle of up to so many events comes at a time of little load, when few profiles may wait to be written."""
UNSAVED_SMALL = 64
"""At little load so many profiles are written together, for a call costs as much as writing twenty; a checkpoint has fewer than that to
write, in well below a millisecond."""
UNSAVED_MAX = 32_768
"""At more load so many are written together: what a checkpoint has to write at most, some 50 ms, and what memory holds twice."""
WRITTEN_AT_ONCE = 4_096
BYTES_MAX = 1 << 30
"""Of profiles held in memory, when there is state to read them from again and nothing else is said."""


class UnreadableStateError(NoRecordsFaultError):
    """A kept profile is damaged, or was written by a version of Weir whose form this one does not know."""


_Layout = tuple[int, bytes, Widths, tuple[str, ...]]


def is_due(waiting: int, events: int) -> bool:
    """Tells whether to write profiles after a bundle of so many events, where so many wait: it costs little now, or too much later."""
    return waiting >= (UNSAVED_SMALL if events <= SMALL_EVENTS else UNSAVED_MAX)


class ProfileState(Protocol):
    """Where profiles outlive the process. One call reads or writes all keys of a micro-batch.

    `kept_ms` is how long it keeps a profile that is not written; 0: for ever.
    """

    kept_ms: int

    def read(self, kind: str, keys: list[str]) -> list[Kept]:
        """What is kept of each key, in order."""
        ...

    def write(self, kind: str, keys: list[str], saved: Saved) -> None:
        """Keeps what changed of each key."""
        ...

    def waiting(self) -> dict[tuple[str, str], int]:
        """See `pipeline.engine.waits.KeptWaits`."""
        ...

    def wait(self, deadlines_ms: dict[tuple[str, str], int | None]) -> None:
        """See `pipeline.engine.waits.KeptWaits`."""
        ...


@dataclass(slots=True)
class _KeyedSlab:
    profiles: Profiles
    unsaved: dict[str, None]


class ProfileSlabs:
    """One slab of profiles a layout; state, where given, is the truth of the last save and the slabs run ahead of it.

    Profiles are written when enough of them wait, which at little load are few, and by `save` before each checkpoint: a busy key is written
    once for many events. Around a change of release some events still carry the old one, so that two layouts
    are in use for a moment: each key lives in the slab that used it last, and is rebuilt under the other layout from its
    retained history. After two checkpoints without an event of a layout its slab is let go: what it holds is in the state.

    Args:
        kind: the kind of entity.
        state: where profiles are kept; ``None``: in the slabs alone (replay).
    """

    def __init__(self, kind: str, state: ProfileState | None = None) -> None:
        self._kind = kind
        self._state = state
        self._slabs: dict[_Layout, _KeyedSlab] = {}
        self._used: set[_Layout] = set()
        self._used_before: set[_Layout] = set()
        self._newest: _Layout | None = None
        self._last: tuple[Plan, tuple[Section, ...], _KeyedSlab] | None = None
        """What was opened last, since the last save: nearly all events need the same."""

    def __len__(self) -> int:
        return len(self._slabs)

    @property
    def size_bytes(self) -> int:
        """Memory that the profiles take, about."""
        return sum(slab.profiles.size_bytes for slab in self._slabs.values())

    def open(self, plan: Plan, sections: tuple[Section, ...], keys: list[str]) -> tuple[Profiles, NDArray[np.int64]]:
        """The slab for `plan` with all `keys` in it, and their slots; `write` or `save` has to follow what changes them.

        Args:
            sections: see `Profiles`.
        """
        slab = self._slab_of(plan, sections)
        for other in self._slabs.values() if len(self._slabs) > 1 else ():
            if other is not slab and len(other.profiles):
                self._write(other, [key for key in dict.fromkeys(keys) if key in other.unsaved])
                other.profiles.discard(keys)
        slots = slab.profiles.known(keys)
        if self._state is not None:
            if slots is None:
                self._read(self._state, slab.profiles, slab.profiles.missing(keys))
            slab.unsaved.update(dict.fromkeys(keys))
        return slab.profiles, slab.profiles.slots(keys) if slots is None else slots

    def _read(self, state: ProfileState, profiles: Profiles, keys: list[str]) -> None:
        """Reads those of `keys` that the state has."""
        for key, (head, pages) in zip(keys, state.read(self._kind, keys), strict=True):
            if head is not None:
                self._restore(profiles, key, head, pages)

    def _slab_of(self, plan: Plan, sections: tuple[Section, ...]) -> _KeyedSlab:
        """Returns the slab of a layout, made if need be, and notes that it is used."""
        if self._last is None or self._last[0] is not plan or self._last[1] is not sections:
            facts = tuple(fact.name for fact in plan.schema.facts_of(plan.kind))
            layout = plan.layout, plan.arrays.outputs.tobytes(), widths_of(sections), facts
            if layout not in self._slabs:
                self._slabs[layout] = _KeyedSlab(self._profiles(plan, sections), {})
            self._used.add(layout)
            self._newest = layout
            self._last = plan, sections, self._slabs[layout]
        return self._last[2]

    def _restore(self, profiles: Profiles, key: str, head: bytes, pages: list[tuple[int, bytes]]) -> None:
        try:
            profiles.restore(key, head, pages)
        except Refusal as refusal:
            remedy = "go back to the version of Weir that wrote this state, or start the job without its savepoint and replay `events`"
            raise UnreadableStateError(f"the kept profile of {self._kind} {key} cannot be read: {refusal}; {remedy}") from refusal

    @property
    def waiting(self) -> int:
        """How many profiles of one layout the state lacks at most."""
        return max([len(slab.unsaved) for slab in self._slabs.values()], default=0)

    def write(self) -> None:
        """Writes whatever the state does not have yet."""
        for slab in self._slabs.values():
            self._write(slab, list(slab.unsaved))

    def save(self) -> None:
        """As `write`, before a checkpoint: slabs of layouts that were used neither since the last save nor before it go."""
        self.write()
        if self._state is not None:
            lately = self._used | self._used_before | {self._newest}
            for layout in [layout for layout in self._slabs if layout not in lately]:
                del self._slabs[layout]
        self._used_before, self._used, self._last = self._used, set(), None

    def shrink(self, bytes_least: int) -> int:
        """Lets go of profiles, which must be written, until so many bytes are free or none is left; gives the bytes that became free.

        Those of a layout that is not the newest go first, then those that were used longest ago. A layout that has none left goes with
        its arrays, which take the room of all that were ever in it.
        """
        free, self._last = 0, None
        for layout in sorted(self._slabs, key=lambda layout: layout == self._newest):
            if free < bytes_least:
                free += self._slabs[layout].profiles.evict(bytes_least - free)
                if layout != self._newest and not len(self._slabs[layout].profiles):
                    del self._slabs[layout]
        return free

    def _profiles(self, plan: Plan, sections: tuple[Section, ...]) -> Profiles:
        """An empty slab; it says of new keys what they may lack where the state forgets sooner than windows reach."""
        if self._state is None:
            return Profiles(plan, sections, durable=False)
        kept_ms = self._state.kept_ms
        return Profiles(plan, sections, forgotten_ms=kept_ms if 0 < kept_ms < plan.keep_ms else 0)

    def _write(self, slab: _KeyedSlab, keys: list[str]) -> None:
        if self._state is None:
            return
        for key in keys:
            del slab.unsaved[key]
        for first in range(0, len(keys), WRITTEN_AT_ONCE):
            part = keys[first : first + WRITTEN_AT_ONCE]
            self._state.write(self._kind, part, slab.profiles.save(slab.profiles.slots(part)))
