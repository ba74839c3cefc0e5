"""Keeps the facts of the entities of one type: for each fact its newest versions, each with the event time from which on it holds."""

from collections.abc import Iterable, Sequence

import numpy as np

from features.profiles.sections import SavedSections, Widths, places_of
from features.schema.facts import FACTS_MAX
from foundation.filled_arrays import filled
from foundation.number_arrays import Float64s, Int64s

VERSIONS = 16
"""Versions of a fact that are kept, those that hold from the latest times on: earlier events find none once there are more."""
NEVER = np.iinfo(np.int64).max
SECTION = "fact:"
"""Begins the name under which a fact stands in the bytes of a profile."""
_SINCE, _WRITTEN, _VALUE, _EXPIRES, _CELLS = range(5)
_NOTHING = np.tile(np.array([NEVER, 0, 0, 0], np.int64), (VERSIONS, 1))
_ROWS_LEAST = 16
_BYTES_OF_ENTITY = 1_500
"""Estimated bytes of an entity that has facts which no schema declares any more."""


class FactTable:
    """Holds facts by slot. A slot without any takes 4 bytes where facts are declared, and nothing where none are.

    Facts do not depend on the order in which their versions arrive: of two that hold from the same time on, the one that was written later
    counts, then the one with the greater value. The version that holds at an event is the one with the latest such time at or before the
    event's; the fact is missing if that one is a deletion, or has expired.

    Args:
        names: the declared facts; further ones are kept for when they are declared again.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name: at for at, name in enumerate(names)}
        self._row_of: dict[int, int] = {}
        self._at = np.full(0, -1, np.int32)
        self._cells = np.zeros((0, len(names), VERSIONS, _CELLS), np.int64)
        self._free: list[int] = []
        self._others: dict[int, dict[str, Int64s]] = {}

    def __len__(self) -> int:
        return len(self._row_of) + len(self._others)

    def size_bytes(self, keys: int) -> int:
        """Returns the approximate memory of so many keys, all that are held."""
        return int(self._cells[:1].nbytes) * len(self._row_of) + 4 * len(self._at) + _BYTES_OF_ENTITY * len(self._others)

    def put(self, slot: int, name: str, version: tuple[int, int, float, int]) -> bool:
        """Takes in a version: since when it holds (ms), when it was written (ms), its value, and when it expires (ms).

        A value of NaN is a deletion. Returns False where the entity has `FACTS_MAX` other facts that nothing declares: it is not kept then.
        """
        since_ms, written_ms, value, expires_ms = version
        cells = self._versions(slot, name)
        if cells is None:
            return False
        row = np.array([since_ms, written_ms, np.float64(value).view(np.int64), expires_ms], np.int64)
        cells[:] = _merged(np.vstack([cells, row]))
        return True

    def drop(self, slot: int, name: str) -> None:
        """Forgets all versions of a fact."""
        if name not in self._names:
            self._others.get(slot, {}).pop(name, None)
        elif slot in self._row_of:
            self._cells[self._row_of[slot], self._names[name]] = _NOTHING

    def read(self, slots: Int64s, times_ms: Int64s) -> Float64s:
        """Returns [n, names] values as they hold at `times_ms`; NaN where a fact is missing. About 20 ns where no entity has facts."""
        out = filled((len(slots), len(self._names)), np.nan)
        if not self._row_of:
            return out
        known = np.flatnonzero((slots < len(self._at)) & (self._at[np.minimum(slots, len(self._at) - 1)] >= 0))
        if not len(known):
            return out
        cells = self._cells[self._at[slots[known]]]
        times = times_ms[known][:, None]
        place = (cells[..., _SINCE] <= times[..., None]).sum(axis=2) - 1
        found = np.take_along_axis(cells, np.maximum(place, 0)[..., None, None], axis=2)[:, :, 0]
        holds = (place >= 0) & (times < found[..., _EXPIRES])
        out[known] = np.where(holds, found[..., _VALUE].view(np.float64), np.nan)
        return out

    def forget(self, slots: Iterable[int]) -> None:
        """Forgets all facts of `slots`."""
        if not self._row_of and not self._others:
            return
        for slot in slots:
            self._others.pop(slot, None)
            row = self._row_of.pop(slot, None)
            if row is not None:
                self._at[slot] = -1
                self._free.append(row)

    def saved(self, slot: int) -> SavedSections | None:
        """Returns the facts of `slot` as sections of a profile; None where there are none."""
        if slot not in self._row_of and slot not in self._others:
            return None
        held = dict(self._others.get(slot, {}))
        if slot in self._row_of:
            held |= {name: self._cells[self._row_of[slot], at] for name, at in self._names.items()}
        used = {name: cells[: int((cells[:, _SINCE] != NEVER).sum())] for name, cells in sorted(held.items())}
        kept = {name: cells for name, cells in used.items() if len(cells)}
        if not kept:
            return None
        words = np.concatenate([cells.ravel() for cells in kept.values()]).view(np.float64)
        return SavedSections(tuple((SECTION + name, cells.size) for name, cells in kept.items()), words)

    def restore(self, slot: int, saved: Widths, words: Float64s) -> Widths:
        """Takes over the facts among the sections of a saved profile, and returns the sections that are none."""
        others = tuple(section for section in saved if not (section[0].startswith(SECTION) and section[1] % _CELLS == 0))
        if len(others) < len(saved):
            for section, place in places_of(saved).items():
                cells = self._versions(slot, section[0].removeprefix(SECTION)) if section not in others else None
                if cells is not None:
                    cells[:] = _merged(words[place].view(np.int64).reshape(-1, _CELLS))
        return others

    def _versions(self, slot: int, name: str) -> Int64s | None:
        """Returns the cells of a fact, to be changed in place; None where there is no room for it."""
        if name in self._names:
            row = self._row(slot)  # this may move the cells
            versions: Int64s = self._cells[row, self._names[name]]
            return versions
        others = self._others.setdefault(slot, {})
        if name not in others and len(others) >= FACTS_MAX:
            return None
        return others.setdefault(name, _NOTHING.copy())

    def _row(self, slot: int) -> int:
        row = self._row_of.get(slot)
        if row is None:
            row = self._row_of[slot] = self._free.pop() if self._free else self._new_row()
            self._cells[row] = _NOTHING
            if slot >= len(self._at):
                self._at = np.concatenate([self._at, np.full(max(2 * (slot + 1), _ROWS_LEAST) - len(self._at), -1, np.int32)])
            self._at[slot] = row
        return row

    def _new_row(self) -> int:
        row = len(self._row_of)
        if row >= len(self._cells):
            grown = np.zeros((max(2 * row, _ROWS_LEAST), *self._cells.shape[1:]), np.int64)
            grown[:row] = self._cells
            self._cells = grown
        return row


def _merged(versions: Int64s) -> Int64s:
    """Returns the versions that are kept, in the order of their times; of one time the newest."""
    values = versions[:, _VALUE].view(np.float64)
    order = np.lexsort((versions[:, _EXPIRES], np.nan_to_num(values, nan=-np.inf), versions[:, _WRITTEN], versions[:, _SINCE]))
    ordered = versions[order]
    ordered = ordered[np.append(ordered[1:, _SINCE] != ordered[:-1, _SINCE], True)]
    kept = ordered[ordered[:, _SINCE] != NEVER][-VERSIONS:]
    return np.concatenate([kept, _NOTHING[len(kept) :]])
