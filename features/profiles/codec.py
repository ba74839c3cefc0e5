"""Says what the bytes of a profile's head are, and reads them: 64-bit little-endian cells.

First ``version, layout, names' bytes, cells of all sections, waiting notes, orphans, seq of the open page, its rows``, then what the cells
mean (`Meaning` as JSON, padded), the head, the sections, the notes (4 cells each), and the rows of the open page. `head_encoding` writes
them, and `page_encoding` writes sealed pages. Row references are written as seq * PAGE + index.
"""

from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.layout.layout import HEAD_WORDS, NUMBERS_OF_ENTITY, NUMBERS_OF_USER
from features.plan.plan import Carried
from features.profiles.heads import Heads
from features.profiles.sections import Widths
from foundation.number_arrays import Float64s, Int64s
from foundation.refusal import Refusal

VERSION = 4
PREFIX_WORDS = 8
NOTE_SAVED_WORDS = 4


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
        heads: one per slot.
        pages: (position in the slots given, seq, bytes) of each sealed page that changed.
        dropped: (position, seq) of each evicted page.
    """

    heads: Heads
    pages: list[tuple[int, int, bytes]]
    dropped: list[tuple[int, int]]


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
