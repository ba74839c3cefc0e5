"""Writes the sparse entries of profiles as words that say themselves what they are of, and reads them back.

Of each entry: a hash of the section's name, then its width below the second after which it means nothing, then its words; entries stand in
the order of their hashes, and zeros follow the last one.
"""

import numpy as np

from features.profiles.sparse_entries import (
    LINE,
    NEVER_LAPSES,
    OWN,
    SECTION_BITS,
    SparseArrays,
    drop_behind,
    drop_entry,
    find_entry,
    make_entry,
    next_line,
    put_cell,
)
from foundation.compiled import entry, inner
from foundation.number_arrays import Int64s

PACKED_OWN = 2
"""Words of an entry before those of its section."""
_SECTION = (1 << SECTION_BITS) - 1
_LOW = (1 << 32) - 1


@entry
def packed_sizes(sparse: SparseArrays, slots: Int64s, newest_ms: Int64s, widths: Int64s, out: Int64s) -> None:
    """Writes how many words the entries of each slot take that still mean something at its time."""
    for i in range(len(slots)):
        out[i] = 0
        block = sparse.first[slots[i]]
        while block >= 0:
            if not _has_lapsed(sparse, block, newest_ms[i]):
                out[i] += PACKED_OWN + widths[sparse.words[block * LINE] & _SECTION]
            block = next_line(sparse, block)


@inner
def _has_lapsed(sparse: SparseArrays, block: int, newest_ms: int) -> bool:
    lapse = sparse.words[block * LINE + 1] >> 32
    return bool(lapse != NEVER_LAPSES and lapse < newest_ms // 1_000)


@entry
def pack(sparse: SparseArrays, slots: Int64s, newest_ms: Int64s, hashes: Int64s, ranks: Int64s, widths: Int64s, out: Int64s) -> None:
    """Writes the entries of each slot into its row of `out`, which is zero and wide enough.

    Args:
        ranks: the place of each section where all stand in the order of their hashes.
    """
    ranked = np.empty(len(widths), np.int64)
    for i in range(len(slots)):
        count = 0
        block = sparse.first[slots[i]]
        while block >= 0:
            if not _has_lapsed(sparse, block, newest_ms[i]):
                ranked[count] = (ranks[sparse.words[block * LINE] & _SECTION] << 32) | block
                count += 1
            block = next_line(sparse, block)
        ranked[:count].sort()
        place = 0
        for at in range(count):
            start = (ranked[at] & _LOW) * LINE
            section = sparse.words[start] & _SECTION
            width = widths[section]
            out[i, place] = hashes[section]
            out[i, place + 1] = (sparse.words[start + 1] & ~_LOW) | width
            for word in range(width):
                out[i, place + PACKED_OWN + word] = sparse.words[start + OWN + word]
            place += PACKED_OWN + width


@entry
def unpack(sparse: SparseArrays, slot: int, saved: Int64s, hashes: Int64s, numbers: Int64s, widths: Int64s, rest: Int64s) -> int:
    """Makes entries of what `pack` wrote of one profile. Returns how many words of unknown entries it has written into `rest`.

    Args:
        hashes: of the known sections, ascending.
        numbers: the number of each.
        widths: by number.
    """
    place, left = 0, 0
    while place + PACKED_OWN <= len(saved) and saved[place] != 0:
        width = saved[place + 1] & _LOW
        end = place + PACKED_OWN + width
        if end > len(saved):
            break
        at = np.searchsorted(hashes, saved[place])
        if at < len(hashes) and hashes[at] == saved[place] and widths[numbers[at]] == width:
            start = find_entry(sparse, slot, numbers[at])
            if start < 0:
                start = make_entry(sparse, slot, numbers[at])
            sparse.words[start - OWN + 1] = (saved[place + 1] & ~_LOW) | (sparse.words[start - OWN + 1] & _LOW)
            for word in range(width):
                sparse.words[start + word] = saved[place + PACKED_OWN + word]
        else:
            for word in range(place, end):
                rest[left] = saved[word]
                left += 1
        place = end
    return left


@entry
def drop_lapsed(sparse: SparseArrays, slots: Int64s, newest_ms: Int64s) -> None:
    """Drops the entries of each slot that mean nothing any more at its time."""
    for i in range(len(slots)):
        before, block = -1, sparse.first[slots[i]]
        while block >= 0:
            after = next_line(sparse, block)
            if _has_lapsed(sparse, block, newest_ms[i]):
                drop_behind(sparse, before, block)
            else:
                before = block
            block = after


@entry
def drop_all(sparse: SparseArrays, slots: Int64s) -> None:
    """Drops all entries of the slots."""
    for slot in slots:
        while sparse.first[slot] >= 0:
            drop_entry(sparse, sparse.first[slot] * LINE + OWN)


@entry
def make_missing(sparse: SparseArrays, slots: Int64s, section: int, begins: Int64s, rows: Int64s) -> None:
    """Writes the line of each slot's entry in `section`, and makes those that are not there unless `begins` is empty (then -1).

    Args:
        begins: the first words of an entry.
    """
    for i in range(len(slots)):
        start = find_entry(sparse, slots[i], section)
        if start < 0 and len(begins):
            start = make_entry(sparse, slots[i], section)
            for word in range(len(begins)):
                sparse.words[start + word] = begins[word]
        rows[i] = start // LINE if start >= 0 else -1


@entry
def refill(sparse: SparseArrays, old: Int64s) -> None:
    """Puts all cells of an old table into the new one, which is empty."""
    for cell in old:
        if cell != 0:
            block = (cell & _LOW) - 1
            put_cell(sparse, sparse.words[block * LINE], block)
