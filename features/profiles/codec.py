"""Encodes a profile's head as bytes: 64-bit little-endian cells.

First ``version, layout, names' bytes, cells of all sections, waiting notes, orphans, seq of the open page, its rows``, then what the cells
mean (`Meaning` as JSON, padded), the head, the sections, the notes (4 cells each), and the rows of the open page. Sealed pages are encoded
by `page_encoding`. Row references are written as seq * PAGE + index.
"""

import itertools
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

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
    NUMBERS_OF_ENTITY,
    NUMBERS_OF_USER,
    ORPHANS,
    PAGE,
    PAGE_BITS,
    PAGE_WORDS,
    SEQ,
    WAITING,
    ProfileSlab,
)
from features.plan.plan import Carried, Plan
from features.profiles.sections import Widths
from foundation.compiled import entry, inner
from foundation.number_arrays import Float64s, Int64s
from foundation.refusal import Refusal

VERSION = 4
PREFIX_WORDS = 8
NOTE_SAVED_WORDS = 4
_FEW = 8
"""Heads of one size that are cut one by one."""


class Meaning(NamedTuple):
    """Describes what stands in a head.

    Args:
        columns: names of the rows' columns.
        sections: name and number of cells of each section: first those that are used, then those that rest.
        cursors: number of cursors, two cells each.
        carried: for windows without an end, what each holds, its first cell, and its number of cells.
    """

    columns: tuple[str, ...]
    sections: Widths
    cursors: int
    carried: tuple[Carried, ...]


class SavedHead(NamedTuple):
    """Holds a decoded head. `rows` are those of the open page with `stride` cells each; `sections` are the cells of all sections."""

    layout: int
    meaning: Meaning
    stride: int
    words: Int64s
    sections: Float64s
    waiting: Int64s
    orphans: Int64s
    open_seq: int
    rows: Int64s


class Saved(NamedTuple):
    """Holds what changed since the last save, as bytes.

    Args:
        heads: one head per slot.
        pages: (position in the slots given, seq, bytes) of each sealed page that changed.
        dropped: (position, seq) of each evicted page.
    """

    heads: list[bytes]
    pages: list[tuple[int, int, bytes]]
    dropped: list[tuple[int, int]]


def name_words(plan: Plan, sections: Widths) -> Int64s:
    """Encodes what the cells of a head mean, as cells."""
    text = msgspec.json.encode(Meaning(tuple(column.name for column in plan.columns), sections, plan.cursors, plan.carried))
    return np.frombuffer(text.ljust(-(-len(text) // 8) * 8), dtype=np.int64)


@entry
def head_sizes(slab: ProfileSlab, slots: Int64s, fixed: int, stride: int, sizes: Int64s) -> None:
    """Computes the cells of each slot's head; `fixed` cells are in every head."""
    for i in range(len(slots)):
        head = slab.heads[slots[i]]
        size = fixed
        for first in (head[WAITING], head[ORPHANS]):
            note = first
            while note >= 0:
                size += NOTE_SAVED_WORDS
                note = slab.notes[note, NOTE_NEXT]
        if head[LAST] >= 0:
            size += slab.pages[head[LAST], FILL] * stride
        sizes[i] = size


@entry
def encode_heads(
    slab: ProfileSlab, slots: Int64s, extra: Int64s, prefix: Int64s, names: Int64s, cursors: int, stride: int, out: Int64s
) -> None:
    """Writes the heads one after the other; `prefix` has the constant first cells, and `extra` one row per head."""
    at = 0
    for i in range(len(slots)):
        slot = slots[i]
        head = slab.heads[slot]
        start = at
        at = _put(out, at, prefix)
        at = _put(out, at, names)
        own = at
        at = _put(out, at, head)
        for cursor in range(cursors):
            place = head[HEAD_WORDS + 2 * cursor]
            if place >= 0:
                seq = slab.pages[place >> PAGE_BITS, SEQ]
                out[own + HEAD_WORDS + 2 * cursor] = (seq << PAGE_BITS) + (place & (PAGE - 1))
        at = _put(out, at, extra[i])
        for which in range(2):
            note = head[WAITING] if which == 0 else head[ORPHANS]
            while note >= 0:
                out[at] = slab.notes[note, NOTE_TIME]
                out[at + 1] = slab.notes[note, NOTE_ID]
                out[at + 2] = slab.notes[note, NOTE_LABEL]
                out[at + 3] = slab.notes[note, NOTE_VISIBLE]
                out[start + 4 + which] += 1
                at += NOTE_SAVED_WORDS
                note = slab.notes[note, NOTE_NEXT]
        out[start + 6] = END
        if head[LAST] >= 0:
            page = slab.pages[head[LAST]]
            out[start + 6] = page[SEQ]
            out[start + 7] = page[FILL]
            at = _put(out, at, page[PAGE_WORDS : PAGE_WORDS + page[FILL] * stride])


@inner
def _put(out: Int64s, at: int, cells: Int64s) -> int:
    """Writes cells, and returns where the next ones go. A slice that is assigned costs several times as much."""
    for cell in range(len(cells)):
        out[at + cell] = cells[cell]
    return at + len(cells)


def heads_as_bytes(slab: ProfileSlab, plan: Plan, slots: Int64s, sections: Float64s, widths: Widths) -> NDArray[np.object_]:
    """Encodes the heads of `slots`, [n] bytes; `sections` has the cells of `widths`, one row per slot."""
    names = name_words(plan, widths)
    prefix = np.array([VERSION, plan.layout, 8 * len(names), sections.shape[1], 0, 0, END, 0], dtype=np.int64)
    fixed = PREFIX_WORDS + len(names) + plan.head_words + sections.shape[1]
    sizes = np.empty(len(slots), dtype=np.int64)
    head_sizes(slab, slots, fixed, plan.row_words, sizes)
    order = np.argsort(sizes, kind="stable")
    words = np.empty(int(sizes.sum()), dtype=np.int64)
    extra = sections.view(np.int64)[order]
    encode_heads(slab, slots[order], extra, prefix, names.copy(), plan.cursors, plan.row_words, words)
    heads = np.empty(len(slots), object)
    heads[order] = _cut(words, sizes[order].tolist())
    return heads


def _cut(words: Int64s, sizes: list[int]) -> list[bytes]:
    """Cuts cells into bytes of ascending sizes: many of one size at once, for each by itself takes four times as long."""
    found: list[bytes] = []
    start = 0
    for size, alike in itertools.groupby(sizes):
        end = start + size * len(list(alike))
        if end - start < _FEW * size:
            found += [words[at : at + size].tobytes() for at in range(start, end, size)]
        else:
            found += words[start:end].view(f"V{8 * size}").tolist()
        start = end
    return found


@lru_cache(maxsize=64)
def _read_meaning(text: bytes) -> Meaning:
    return msgspec.json.decode(text, type=Meaning)


def read_head(blob: bytes, is_user: bool) -> SavedHead:
    """Decodes a head.

    Raises:
        Refusal: `blob` has another version, or its lengths do not fit together.
    """
    words = np.frombuffer(blob, dtype=np.int64) if len(blob) % 8 == 0 else np.zeros(0, dtype=np.int64)
    if len(words) < PREFIX_WORDS or words[0] != VERSION:
        raise Refusal("not a profile", where="state", expected=f"a head of version {VERSION}", got=blob[:16])
    _, layout, name_bytes, section_words, waiting, orphans, open_seq, fill = words[:PREFIX_WORDS].tolist()
    at = PREFIX_WORDS + name_bytes // 8
    meaning = _read_meaning(words[PREFIX_WORDS:at].tobytes())
    stride = (NUMBERS_OF_USER if is_user else NUMBERS_OF_ENTITY) + len(meaning.columns)
    tail = section_words + NOTE_SAVED_WORDS * (waiting + orphans) + fill * stride
    head_words = len(words) - at - tail
    widths = [width for _, width in meaning.sections]
    if (
        head_words < HEAD_WORDS + 2 * meaning.cursors + len(meaning.columns)
        or min(waiting, orphans, fill, *widths) < 0
        or sum(widths) != section_words
    ):
        raise Refusal("not a profile", where="state", expected="a head whose lengths fit", got=f"{len(blob)} bytes")
    parts: list[NDArray[np.int64]] = []
    for length in (head_words, section_words, NOTE_SAVED_WORDS * waiting, NOTE_SAVED_WORDS * orphans, fill * stride):
        parts.append(words[at : at + length])
        at += length
    return SavedHead(
        layout=layout,
        meaning=meaning,
        stride=stride,
        words=parts[0],
        sections=parts[1].view(np.float64),
        waiting=parts[2].reshape(-1, NOTE_SAVED_WORDS),
        orphans=parts[3].reshape(-1, NOTE_SAVED_WORDS),
        open_seq=open_seq,
        rows=parts[4].reshape(fill, stride),
    )
