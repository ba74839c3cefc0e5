"""What labels take out of an entity's usual values, or put back, once events may see them: words of a section that few entities have.

An event that was approved has taught its user, and a verdict of fraud takes it out again; one that was held back counts once it is said
to be legitimate. Of a decayed mean both are exact: with the weight k that an event still has, W' = W - k, m' = (W m - k x) / W', and
S' = S - k (x - m) (x - m'); put back with the other sign. The value x is that which was taught, as the decision was served.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from foundation.number_arrays import Float64s, Int64s

WAITING: Final = 8
"""So many labels of an entity wait until an event sees them; of more, those that are visible first go."""

PLACES: Final = 16
"""Those behind the ones for labels that wait hold labels that stand, so that another label of the event is known to change them. Of more,
those of the oldest events go, whose events stay as they are."""

_WORDS: Final = 5
_TIME, _ID, _VALUE, _VISIBLE, _NOTE = range(_WORDS)
"""Of a place: time and id of the event, the value as bits of a float, the time from which on events see the label, and the note."""
_FRAUD, _TAUGHT, _STANDS, _USED, _RANK_BIT = 1, 2, 4, 8, 4
"""Bits of a note: the label, whether the event had taught, whether an event has seen the label, whether the place is used; then rank."""

WIDTH: Final = PLACES * _WORDS
"""Words a key."""


def note_labels(
    words: Int64s,
    rows: Int64s,
    times_ms: Int64s,
    id_keys: Int64s,
    values: Float64s,
    taught: NDArray[np.bool_],
    labels: NDArray[np.int8],
    visible_ms: Int64s,
    ranks: NDArray[np.int8],
) -> None:
    """Lets labels wait until events may see them. A label that is there already changes nothing.

    Args:
        words: [rows, WIDTH] of the section, as whole numbers.
        rows: [n] that of each label's entity.
        times_ms, id_keys: [n] of the events.
        values: [n] what each event taught or would have taught.
        taught: [n] whether it did.
        labels: [n] 1 for fraud, 0 for legitimate.
        visible_ms: [n] events from this time on (inclusive) see the label.
        ranks: [n] of the labels' sources: of several labels of one event the one of the greatest rank stands, then the latest.
    """
    notes = labels.astype(np.int64) * _FRAUD + taught * _TAUGHT + _USED + (ranks.astype(np.int64) << _RANK_BIT)
    each = np.column_stack([times_ms, id_keys, values.view(np.int64), visible_ms, notes])
    for row, label in zip(rows.tolist(), each, strict=True):
        _note(words[row], label)


def correct(levels: Float64s, slots: Int64s, words: Int64s, rows: Int64s, times_ms: Int64s, half_life_ms: float) -> None:
    """Takes out of the entities' levels, or puts back, what the labels say that events at `times_ms` may see.

    Args:
        levels: [rows, 4] words of `patterns.thresholds.entity_level`.
        slots: [n] row of each event's entity in `levels`, each once.
        words: [rows, WIDTH] of this section, as whole numbers.
        rows: [n] that of each event's entity in `words`; -1: it has none.
    """
    times_ms = times_ms if times_ms.flags.writeable else times_ms.copy()  # kernels take no array that is read-only
    _correct(levels, slots, words, words.view(np.float64), rows, times_ms, half_life_ms)


@compiled("boolean(int64[:], int64[:])")
def _is_sooner(one: Int64s, other: Int64s) -> bool:
    """Tells whether a label is visible before another one; of those visible at once the earlier event comes first."""
    if one[_VISIBLE] != other[_VISIBLE]:
        return bool(one[_VISIBLE] < other[_VISIBLE])
    return bool(one[_TIME] < other[_TIME] or (one[_TIME] == other[_TIME] and one[_ID] < other[_ID]))


@compiled("boolean(int64[:], int64[:])")
def _is_of(place: Int64s, label: Int64s) -> bool:
    """Tells whether a place holds a label of the same event."""
    return bool(place[_NOTE] != 0 and place[_TIME] == label[_TIME] and place[_ID] == label[_ID])


@compiled("boolean(int64)")
def _confirms(note: int) -> bool:
    """Tells whether a label says of an event that taught that it is legitimate: alone it changes nothing, and most labels do."""
    return bool(note & (_FRAUD | _TAUGHT) == _TAUGHT)


@compiled("void(int64[:], int64[:])")
def _note(own: Int64s, label: Int64s) -> None:
    chosen, others = 0, 0
    for at in range(PLACES):
        place = own[at * _WORDS : (at + 1) * _WORDS]
        if _is_of(place, label):
            if place[_NOTE] & ~_STANDS == label[_NOTE] and place[_VISIBLE] == label[_VISIBLE]:
                return
            others += 1
        before = own[chosen * _WORDS : (chosen + 1) * _WORDS]
        if at < WAITING and before[_NOTE] != 0 and (place[_NOTE] == 0 or _is_sooner(place, before)):
            chosen = at
    if others or not _confirms(label[_NOTE]):
        own[chosen * _WORDS : (chosen + 1) * _WORDS] = label


@compiled("int64(int64[:], int64)")
def _next(own: Int64s, time_ms: int) -> int:
    """Returns the place of the label that an event at `time_ms` sees first of those that wait; -1: it sees none."""
    found = -1
    for at in range(WAITING):
        place = own[at * _WORDS : (at + 1) * _WORDS]
        waits = place[_NOTE] != 0 and place[_VISIBLE] <= time_ms
        if waits and (found < 0 or _is_sooner(place, own[found * _WORDS : (found + 1) * _WORDS])):
            found = at
    return found


@compiled("int64(int64[:], int64[:])")
def _standing(own: Int64s, label: Int64s) -> int:
    """Returns the place of the label that stands of the same event; else -1 - p, where p is the place that is free or goes."""
    oldest = WAITING
    for at in range(WAITING, PLACES):
        place = own[at * _WORDS : (at + 1) * _WORDS]
        if _is_of(place, label):
            return at
        before = own[oldest * _WORDS : (oldest + 1) * _WORDS]
        if before[_NOTE] != 0 and (place[_NOTE] == 0 or place[_TIME] < before[_TIME]):
            oldest = at
    return -1 - oldest


@compiled("void(float64[:], float64, int64, float64, float64)")
def _move(level: Float64s, value: float, time_ms: int, half_life_ms: float, sign: float) -> None:
    """Takes a value out of a decayed mean and its squares (sign -1), or puts it in (1), with the weight that its event still has."""
    if time_ms > level[3]:  # what was held back can be newer than all that has taught
        decay = np.exp2((level[3] - time_ms) / half_life_ms)
        level[0], level[2], level[3] = level[0] * decay, level[2] * decay, float(time_ms)
    kept = np.exp2(min(time_ms - level[3], 0.0) / half_life_ms)
    weight = level[0] + sign * kept
    if weight < 1e-9:
        level[0], level[1], level[2] = 0.0, 0.0, 0.0
        return
    away = value - level[1]
    level[1] += sign * kept * away / weight
    level[2] = max(level[2] + sign * kept * away * (value - level[1]), 0.0)
    level[0] = weight


@compiled("boolean(int64[:], int64[:])")
def _outranks(label: Int64s, other: Int64s) -> bool:
    """Tells whether a label stands instead of another one: that of the greater rank, then the later one, then that of fraud."""
    rank, before = label[_NOTE] >> _RANK_BIT, other[_NOTE] >> _RANK_BIT
    if rank != before:
        return bool(rank > before)
    if label[_VISIBLE] != other[_VISIBLE]:
        return bool(label[_VISIBLE] > other[_VISIBLE])
    return bool(label[_NOTE] & _FRAUD != 0)


@compiled("int64(int64[:], int64)")
def _settle(own: Int64s, at: int) -> int:
    """Lets a label stand that is seen now, unless another one of its event outranks it. Returns 1 to put the event in, -1: take it out."""
    label = own[at * _WORDS : (at + 1) * _WORDS]
    to = _standing(own, label)
    counted, outranks = label[_NOTE] & _TAUGHT != 0, not _confirms(label[_NOTE])
    if to >= 0:
        stands = own[to * _WORDS : (to + 1) * _WORDS]
        counted, outranks = stands[_NOTE] & _FRAUD == 0, _outranks(label, stands)
    sign = 0
    if outranks:
        sign = int(label[_NOTE] & _FRAUD == 0) - int(counted)
        first = (to if to >= 0 else -1 - to) * _WORDS
        own[first : first + _WORDS] = label
        own[first + _NOTE] |= _STANDS
    label[_NOTE] = 0
    return sign


@compiled("void(float64[:, :], int64[:], int64[:, :], float64[:, :], int64[:], int64[:], float64)")
def _correct(
    levels: Float64s, slots: Int64s, words: Int64s, numbers: Float64s, rows: Int64s, times_ms: Int64s, half_life_ms: float
) -> None:
    for i in range(len(slots)):
        if rows[i] < 0:
            continue
        own = words[rows[i]]
        at = _next(own, times_ms[i])
        while at >= 0:
            sign = _settle(own, at)
            if sign != 0:
                value, time_ms = numbers[rows[i], at * _WORDS + _VALUE], own[at * _WORDS + _TIME]
                _move(levels[slots[i]], value, time_ms, half_life_ms, float(sign))
            at = _next(own, times_ms[i])
