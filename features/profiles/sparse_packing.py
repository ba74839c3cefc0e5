"""Writes the sparse entries of profiles as words that say themselves what they are of, and reads them back.

Of each entry: a hash of the section's name, then its width below the second after which it means nothing, then its words; entries stand in
the order of their hashes, and zeros follow the last one.
"""

from features.profiles.sparse_entries import (
    CELLS,
    LINE,
    OWN,
    SECTION_BITS,
    SparseArrays,
    cells_held,
    clear_filter,
    directory_of,
    drop_cell,
    find_entry,
    has_lapsed,
    make_entry,
    next_directory,
    note_section,
)
from foundation.borrowing import entry, inner, outer, owning
from foundation.compiled import prefetch
from foundation.number_arrays import Int64s

PACKED_OWN = 2
"""Words of an entry before those of its section."""
INSERTED_MAX = 64
"""So many entries at most are sorted by insertion: a dozen, which is usual, in a third of the time of a general sort."""
WIDTHS_MAX = 128
"""The words of all entries of a slot have fewer different widths once they are rounded up."""
_SLOT_AHEAD, _DIRECTORY_AHEAD, _ENTRIES_AHEAD = 24, 16, 8
"""What is needed of the slot that comes so many later is fetched meanwhile: its words, its directory, its entries."""
_STEP, _DOUBLING = 16, 128
_SECTION = (1 << SECTION_BITS) - 1
_LOW = (1 << 32) - 1


def rounded(words: int) -> int:
    """Rounds a number of words up: to 16 below 128, above that by halves and wholes of powers of two."""
    if words <= _DOUBLING:
        return -(-words // _STEP) * _STEP
    power = 2 * _DOUBLING
    while power < words:
        power *= 2
    return 3 * power // 4 if words <= 3 * power // 4 else power


_rounded = inner(rounded)


@entry
def measure(
    sparse: SparseArrays,
    rows: Int64s,
    lines: Int64s,
    slots: Int64s,
    newest_ms: Int64s,
    cells: Int64s,
    blocks: Int64s,
    ends: Int64s,
    width_of: Int64s,
    widths: Int64s,
) -> int:
    """Finds the entries of each slot, without those that have lapsed at its time: these it drops.

    Args:
        rows, lines: `sparse.slots` and `sparse.words`, a row a line.
        cells: by section, the words of an entry.
        blocks: written: the entries of one slot after those of the other; has room for all that there are.
        ends: written: where those of each slot end in `blocks`.
        width_of: written: the place of each slot's width among `widths`.
        widths: written: each of them once; has room for `WIDTHS_MAX`.

    Returns:
        How many widths the words of the slots have, rounded up.
    """
    end, known = 0, 0
    for i in range(len(slots)):
        _fetch_slots(sparse, rows, lines, slots, i)
        _drop_lapsed(sparse, slots[i], newest_ms[i])
        words = 0
        line, held = directory_of(sparse, slots[i]), cells_held(sparse, slots[i])
        while line >= 0:
            for cell in range(line * LINE + 1, line * LINE + 1 + held):
                blocks[end] = sparse.words[cell] & _LOW
                end += 1
                words += PACKED_OWN + cells[sparse.words[cell] >> 32]
            line, held = next_directory(sparse, line), CELLS
        ends[i] = end
        width_of[i] = _place_of(widths, known, _rounded(words))
        known = max(known, width_of[i] + 1)
    return known


@inner
def _drop_lapsed(sparse: SparseArrays, slot: int, now_ms: int) -> None:
    """Drops the entries of a slot that mean nothing any more."""
    dropped = False
    line, held = directory_of(sparse, slot), cells_held(sparse, slot)
    while line >= 0:
        behind = next_directory(sparse, line)
        for cell in range(line * LINE + held, line * LINE, -1):
            if has_lapsed(sparse, (sparse.words[cell] & _LOW) * LINE + OWN, now_ms):
                drop_cell(sparse, slot, cell)  # a newer cell, which was looked at before, takes its place
                dropped = True
        line, held = behind, CELLS
    if dropped:
        _note_all(sparse, slot)


@outer
def _note_all(sparse: SparseArrays, slot: int) -> None:
    """Works out the filter of a slot anew."""
    clear_filter(sparse, slot)
    line, held = directory_of(sparse, slot), cells_held(sparse, slot)
    while line >= 0:
        for cell in range(line * LINE + 1, line * LINE + 1 + held):
            note_section(sparse, slot, sparse.words[cell] >> 32)
        line, held = next_directory(sparse, line), CELLS


@inner
def _fetch_slots(sparse: SparseArrays, rows: Int64s, lines: Int64s, slots: Int64s, i: int) -> None:
    """Begins to fetch what slots that come behind slot i have: entries lie anywhere, and one at a time would be waited for."""
    if i + _SLOT_AHEAD < len(slots):
        prefetch(rows, slots[i + _SLOT_AHEAD], 0)
    if i + _DIRECTORY_AHEAD < len(slots):
        prefetch(lines, directory_of(sparse, slots[i + _DIRECTORY_AHEAD]), 0)
    if i + _ENTRIES_AHEAD < len(slots):
        slot = slots[i + _ENTRIES_AHEAD]
        line, held = directory_of(sparse, slot), cells_held(sparse, slot)
        while line >= 0:
            for cell in range(line * LINE + 1, line * LINE + 1 + held):
                prefetch(lines, sparse.words[cell] & _LOW, 0)
            line, held = next_directory(sparse, line), CELLS


@inner
def _place_of(widths: Int64s, known: int, width: int) -> int:
    """Returns where `width` stands among the first `known` ones; a new one is put behind them."""
    place = 0
    while place < known and widths[place] != width:
        place += 1
    widths[place] = width
    return place


@entry
def pack(
    sparse: SparseArrays,
    blocks: Int64s,
    ends: Int64s,
    width_of: Int64s,
    widths: Int64s,
    hashes: Int64s,
    ranks: Int64s,
    cells: Int64s,
    ranked: Int64s,
    lines: Int64s,
    out: Int64s,
    gaps: Int64s,
) -> None:
    """Writes the entries of each slot from its place in `gaps` on, and zeros behind them.

    Args:
        blocks, ends, width_of, widths: what `measure` has written.
        hashes, cells: by section.
        ranks: the place of each section where all stand in the order of their hashes.
        ranked: [sections] scratch.
        lines: the words of `sparse`, a row a line.
    """
    for i in range(len(ends)):
        if i + 1 < len(ends):
            _fetch(lines, i + 1, blocks, ends)
        count = _rank(sparse, i, blocks, ends, ranks, ranked)
        place = gaps[i]
        end = place + widths[width_of[i]]
        for at in range(count):
            start = (ranked[at] & _LOW) * LINE
            section = sparse.words[start] & _SECTION
            width = cells[section]
            out[place] = hashes[section]
            out[place + 1] = (sparse.words[start + 1] & ~_LOW) | width
            for word in range(width):
                out[place + PACKED_OWN + word] = sparse.words[start + OWN + word]
            place += PACKED_OWN + width
        for word in range(place, end):
            out[word] = 0


@inner
def _rank(sparse: SparseArrays, place: int, blocks: Int64s, ends: Int64s, ranks: Int64s, ranked: Int64s) -> int:
    """Writes rank and block of each entry of a slot into `ranked`, ascending, and returns how many they are."""
    count = 0
    for at in range(ends[place - 1] if place else 0, ends[place]):
        ranked[count] = (ranks[sparse.words[blocks[at] * LINE] & _SECTION] << 32) | blocks[at]
        count += 1
    if count > INSERTED_MAX:
        _sort(ranked, count)
        return count
    for at in range(1, count):
        own, hole = ranked[at], at
        while hole > 0 and ranked[hole - 1] > own:
            ranked[hole] = ranked[hole - 1]
            hole -= 1
        ranked[hole] = own
    return count


@owning
def _sort(ranked: Int64s, count: int) -> None:
    ranked[:count].sort()


@inner
def _fetch(lines: Int64s, place: int, blocks: Int64s, ends: Int64s) -> None:
    """Begins to fetch the entries of the slot that comes next."""
    for at in range(ends[place - 1] if place else 0, ends[place]):
        prefetch(lines, blocks[at], 0)


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
        at = _place_in(hashes, saved[place])
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


@inner
def _place_in(hashes: Int64s, hash: int) -> int:
    """Returns the place of the first of the ascending `hashes` that is not less than `hash`."""
    low, high = 0, len(hashes)
    while low < high:
        middle = (low + high) // 2
        if hashes[middle] < hash:
            low = middle + 1
        else:
            high = middle
    return low


@entry
def drop_all(sparse: SparseArrays, slots: Int64s) -> None:
    """Drops all entries of the slots."""
    for slot in slots:
        while directory_of(sparse, slot) >= 0:
            drop_cell(sparse, slot, directory_of(sparse, slot) * LINE + cells_held(sparse, slot))
        clear_filter(sparse, slot)


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
