"""Tells whether an event is new, and whether it comes in order."""

import math

from features.kernel.id_filter import FEW_ROWS, has_filter, is_surely_new, make_filter
from features.kernel.inputs import Answers, Arrivals
from features.layout.layout import (
    BLOOM,
    BLOOM_2,
    BODY,
    DUPLICATE,
    END,
    FILL,
    ID,
    ID_REUSED,
    LAST,
    NEWEST,
    ORDER,
    PAGE_BITS,
    PAGE_WORDS,
    PREV,
    TIME,
    ProfileSlab,
)
from features.layout.plan_arrays import DEDUPE, REWIND_MAX, PlanArrays
from features.windows.pages import bit_2_of, bit_of, word_of
from foundation.borrowing import inner

_HASH_BITS = 32
_HASH = (1 << _HASH_BITS) - 1


@inner
def is_newest(slab: ProfileSlab, slot: int, time_ms: int, order: int, stride: int) -> bool:
    """Tells whether (time_ms, order) sorts after all retained rows, or equal to the last."""
    if time_ms != slab.heads[slot, NEWEST]:
        return bool(time_ms > slab.heads[slot, NEWEST])
    page = slab.heads[slot, LAST]
    newest_order = slab.pages[page, PAGE_WORDS + (slab.pages[page, FILL] - 1) * stride + ORDER]
    return bool(order >= newest_order)


@inner
def known_event(slab: ProfileSlab, plan: PlanArrays, slot: int, time_ms: int, key: int, id_key: int, stride: int, is_user: bool) -> int:
    """Returns the retained event with this id, or `END`: for users within `dedupe` and `rewind_max`, else at this very time.

    `key` is the key of its row, see `inputs.row_key`. Rows of other entities written by older versions have `id_key` instead.
    """
    if is_user:
        return END if is_surely_new(slab, slot, key) else known_of_user(slab, plan, slot, time_ms, key, stride)
    if time_ms > slab.heads[slot, NEWEST]:
        return END
    known = known_at(slab, slot, time_ms, key, stride)
    return known_at(slab, slot, time_ms, id_key, stride) if known == END and key != id_key else known


@inner
def known_of_user(slab: ProfileSlab, plan: PlanArrays, slot: int, time_ms: int, key: int, stride: int) -> int:
    """Searches a user's rows from the newest back; a search of many that finds nothing makes a filter, so that the next can be skipped."""
    oldest_ms = max(slab.heads[slot, NEWEST], time_ms) - plan.numbers[DEDUPE]
    page: int = slab.heads[slot, LAST]
    newer = 0
    while page >= 0 and newer < plan.numbers[REWIND_MAX]:
        fill = slab.pages[page, FILL]
        if may_hold(slab, page, key):
            for at in range(fill - 1, -1, -1):
                word = PAGE_WORDS + at * stride
                is_near = newer + fill - 1 - at < plan.numbers[REWIND_MAX] and slab.pages[page, word + TIME] >= oldest_ms
                if slab.pages[page, word + ID] == key and is_near:
                    return (page << PAGE_BITS) + at
        newer += fill
        page = END if slab.pages[page, PAGE_WORDS + TIME] < oldest_ms else slab.pages[page, PREV]
    if newer > FEW_ROWS and not has_filter(slab, slot):
        make_filter(slab.context, slot)
    return END


@inner
def known_at(slab: ProfileSlab, slot: int, time_ms: int, key: int, stride: int) -> int:
    """Searches the rows at one time, and passes those after it."""
    page: int = slab.heads[slot, LAST]
    while page >= 0:
        if may_hold(slab, page, key):
            for at in range(slab.pages[page, FILL] - 1, -1, -1):
                word = PAGE_WORDS + at * stride
                if slab.pages[page, word + ID] == key and slab.pages[page, word + TIME] == time_ms:
                    return (page << PAGE_BITS) + at
        page = END if slab.pages[page, PAGE_WORDS + TIME] < time_ms else slab.pages[page, PREV]
    return END


@inner
def may_hold(slab: ProfileSlab, page: int, key: int) -> bool:
    """Tells whether a row of the page can have this key."""
    return bool(slab.pages[page, BLOOM] & bit_of(key) and slab.pages[page, BLOOM_2] & bit_2_of(key))


@inner
def body_word(body_key: int, before: int) -> int:
    """Packs a hash of a row's newest body with its difference to that of the first; `before` is 0 for a new row."""
    newest = body_key & _HASH
    first = (before ^ (before >> _HASH_BITS)) & _HASH if before != 0 else newest
    return newest | ((newest ^ first) << _HASH_BITS)


@inner
def is_body(word: int, body_key: int) -> bool:
    """Tells whether a body is a row's newest or first: an event may be sent again after its correction."""
    differs = (word ^ body_key) & _HASH
    return bool(differs == 0 or differs == (word >> _HASH_BITS) & _HASH)


@inner
def answer_known(slab: ProfileSlab, arrivals: Arrivals, answers: Answers, i: int, known: int, stride: int) -> None:
    """Answers an id that the user has sent before: as a duplicate, or as another event under a used id."""
    answers.out[i, :] = math.nan
    if is_body(slab.pages[known >> PAGE_BITS, word_of(known, stride) + BODY], arrivals.body_keys[i]):
        answers.flags[i] = DUPLICATE
        answers.rows[i] = known
    else:
        answers.flags[i] = ID_REUSED
