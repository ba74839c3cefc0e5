"""Writes the heads of many profiles into one buffer; `features.profiles.codec` says what stands in them."""

import weakref
from collections.abc import Callable
from functools import lru_cache

import msgspec
import numpy as np

from features.layout.kernel_context import slab_of
from features.layout.layout import (
    END,
    FILL,
    HEAD_WORDS,
    LAST,
    NOTE_ID,
    NOTE_LABEL,
    NOTE_NEXT,
    NOTE_TIME,
    NOTE_VISIBLE,
    ORPHANS,
    PAGE,
    PAGE_BITS,
    PAGE_WORDS,
    SEQ,
    WAITING,
    ProfileSlab,
)
from features.plan.plan import Carried, Plan
from features.profiles.codec import NOTE_SAVED_WORDS, PREFIX_WORDS, VERSION, Meaning
from features.profiles.heads import Heads
from features.profiles.keyed_state import Draft
from features.profiles.sections import Widths
from foundation.borrowing import entry, inner
from foundation.compiled import prefetch
from foundation.number_arrays import Int64s

_AHEAD = 8
"""The head of the profile that comes so many later is fetched meanwhile."""
_LINE = 8
_KEPT_WORDS_MAX = 1 << 20
"""A buffer of more than 8 MB is not kept: it would stay in memory from one checkpoint to the next."""
_WAITING, _ORPHANS, _OPEN_SEQ, _OPEN_FILL = range(4, PREFIX_WORDS)


class HeadEncoder:
    """Encodes heads into a buffer that it keeps: the system takes as long to give a new one as the heads take.

    Args:
        plan: of the profiles.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._columns = tuple(column.name for column in plan.columns)
        self._words = np.empty(0, np.int64)
        self._lent: Callable[[], Heads | None] = lambda: None

    def encode(self, context: Int64s, draft: Draft) -> Heads:
        """Encodes the heads of all profiles of `draft`, and has their sections written into them.

        Args:
            context: of the slab that holds the profiles, see `features.layout.kernel_context`.
        """
        plan = self._plan
        begins = [_beginning(plan.layout, self._columns, widths, plan.cursors, plan.carried) for widths in draft.shapes]
        section_words = np.array([sum(width for _, width in widths) for widths in draft.shapes], np.int64)
        starts = np.cumsum([0, *map(len, begins)])
        fixed = np.diff(starts) + plan.head_words + section_words
        ends, gaps = np.empty(len(draft.slots), np.int64), np.empty(len(draft.slots), np.int64)
        measure_heads(context, draft.slots, draft.shape_of, fixed, plan.row_words, ends)
        words = self._buffer(int(ends[-1]) if len(ends) else 0)
        about = plan.head_words, plan.cursors, plan.row_words
        write_heads(context, draft.slots, draft.shape_of, np.concatenate(begins), starts, section_words, *about, words, gaps)
        draft.put_sections(words, gaps)
        heads = Heads(words.view(np.uint8).data, 8 * ends)
        self._lent = weakref.ref(heads)
        return heads

    def _buffer(self, words: int) -> Int64s:
        """Returns room for so many words: that of the last heads, if nobody has these any more, and it is not large."""
        if words > _KEPT_WORDS_MAX:
            return np.empty(words, np.int64)
        if words > len(self._words) or self._lent() is not None:
            self._words = np.empty(words + words // 8, np.int64)
        return self._words[:words]


@lru_cache(maxsize=256)
def _beginning(layout: int, columns: tuple[str, ...], widths: Widths, cursors: int, carried: tuple[Carried, ...]) -> Int64s:
    """Returns the cells with which all heads begin that hold these sections: `PREFIX_WORDS`, then what the cells mean."""
    text = msgspec.json.encode(Meaning(columns, widths, cursors, carried))
    text = text.ljust(-(-len(text) // 8) * 8)
    prefix = np.array([VERSION, layout, len(text), sum(width for _, width in widths), 0, 0, END, 0], np.int64)
    return np.concatenate([prefix, np.frombuffer(text, np.int64)])


@entry
def measure_heads(context: Int64s, slots: Int64s, shape_of: Int64s, fixed: Int64s, stride: int, ends: Int64s) -> None:
    """Writes where the head of each slot ends, in cells.

    Args:
        fixed: by shape, the cells that are in every head of it.
        stride: cells of a row.
    """
    slab, end = slab_of(context), 0
    for i in range(len(slots)):
        if i + _AHEAD < len(slots):
            prefetch(slab.heads, slots[i + _AHEAD], 0)
            prefetch(slab.heads, slots[i + _AHEAD], _LINE)
        head = slab.heads[slots[i]]
        end += fixed[shape_of[i]] + NOTE_SAVED_WORDS * (_notes(slab, head[WAITING]) + _notes(slab, head[ORPHANS]))
        if head[LAST] >= 0:
            end += slab.pages[head[LAST], FILL] * stride
        ends[i] = end


@inner
def _notes(slab: ProfileSlab, note: int) -> int:
    """Returns how many notes follow each other from this one on."""
    count = 0
    while note >= 0:
        count += 1
        note = slab.notes[note, NOTE_NEXT]
    return count


@entry
def write_heads(
    context: Int64s,
    slots: Int64s,
    shape_of: Int64s,
    beginnings: Int64s,
    starts: Int64s,
    section_words: Int64s,
    head_words: int,
    cursors: int,
    stride: int,
    out: Int64s,
    gaps: Int64s,
) -> None:
    """Writes the heads of the slots one after the other, all but their sections.

    Args:
        beginnings: of all shapes; that of one starts at its place in `starts`.
        gaps: written: where the sections of each slot go in `out`.
    """
    slab, at = slab_of(context), 0
    for i in range(len(slots)):
        if i + 1 < len(slots):
            last = slab.heads[slots[i + 1], LAST]
            prefetch(slab.pages, max(last, 0), 0)
        head, shape, start = slab.heads[slots[i]], shape_of[i], at
        at = _put(out, at, beginnings, starts[shape], starts[shape + 1])
        at = _put(out, at, head, 0, head_words)
        _refer_by_seq(slab, out, at - head_words + HEAD_WORDS, cursors)
        gaps[i] = at
        at += section_words[shape]
        for which in range(2):
            before = at
            at = _put_notes(slab, head[WAITING] if which == 0 else head[ORPHANS], out, at)
            out[start + _WAITING + which] = (at - before) // NOTE_SAVED_WORDS
        if head[LAST] >= 0:
            page = slab.pages[head[LAST]]
            out[start + _OPEN_SEQ], out[start + _OPEN_FILL] = page[SEQ], page[FILL]
            at = _put(out, at, page, PAGE_WORDS, PAGE_WORDS + page[FILL] * stride)


@inner
def _put(out: Int64s, at: int, cells: Int64s, start: int, stop: int) -> int:
    """Writes the cells [start, stop), and returns where the next ones go. A slice that is assigned costs several times as much."""
    for cell in range(start, stop):
        out[at + cell - start] = cells[cell]
    return at + stop - start


@inner
def _refer_by_seq(slab: ProfileSlab, out: Int64s, first: int, cursors: int) -> None:
    """Lets the cursors from cell `first` on refer to rows by the numbers of their pages, which last, instead of where these lie."""
    for cursor in range(cursors):
        place = out[first + 2 * cursor]
        if place >= 0:
            out[first + 2 * cursor] = (slab.pages[place >> PAGE_BITS, SEQ] << PAGE_BITS) + (place & (PAGE - 1))


@inner
def _put_notes(slab: ProfileSlab, note: int, out: Int64s, at: int) -> int:
    while note >= 0:
        out[at], out[at + 1] = slab.notes[note, NOTE_TIME], slab.notes[note, NOTE_ID]
        out[at + 2], out[at + 3] = slab.notes[note, NOTE_LABEL], slab.notes[note, NOTE_VISIBLE]
        at += NOTE_SAVED_WORDS
        note = slab.notes[note, NOTE_NEXT]
    return at


@entry
def put_rows(rows: Int64s, slots: Int64s, out: Int64s, gaps: Int64s) -> None:
    """Writes the row of each slot from its place in `gaps` on."""
    for i in range(len(slots)):
        if i + _AHEAD < len(slots):
            prefetch(rows, slots[i + _AHEAD], 0)
        _put(out, gaps[i], rows[slots[i]], 0, rows.shape[1])
