"""Scores bursts: compares a key's rows in this tick with those of all ticks before.

This is MIDAS-F (Bhatia, Liu, Hooi, Yoon, Shin, Faloutsos 2020): the chi-squared score of the current rows against the mean of the past,
where a tick that was itself anomalous adds only the mean to the past. There, sketches count for all pairs at once; here each key has its
own state, and the counts are exact. The cells are: whether there was a row, first tick, current tick, current rows (older ones halved with
each tick), rows before, and score.
"""

import math

from foundation.borrowing import inner, outer
from foundation.number_arrays import Float64s

SEEN, FIRST_TICK, TICK, NOW, BEFORE, SCORE = range(6)
_DECAY = 0.5


@outer
def burst_step(words: Float64s, row: int, at: int, time_ms: int, tick_ms: int, threshold: float) -> None:
    """Adds the key's next row."""
    tick = float(time_ms // tick_ms)
    if words[row, at + SEEN] == 0.0:
        words[row, at + SEEN] = 1.0
        words[row, at + FIRST_TICK] = tick
        words[row, at + TICK] = tick
    elif tick > words[row, at + TICK]:
        ticks = words[row, at + TICK] - words[row, at + FIRST_TICK] + 1.0
        if words[row, at + SCORE] < threshold:
            words[row, at + BEFORE] += words[row, at + NOW]
        elif ticks > 1.0:
            words[row, at + BEFORE] += words[row, at + BEFORE] / (ticks - 1.0)
        words[row, at + NOW] *= _DECAY
        words[row, at + TICK] = tick
    words[row, at + NOW] += 1.0
    ticks = words[row, at + TICK] - words[row, at + FIRST_TICK] + 1.0
    now, before = words[row, at + NOW], words[row, at + BEFORE]
    words[row, at + SCORE] = 0.0 if before == 0.0 or ticks <= 1.0 else (now + before - now * ticks) ** 2 / (before * (ticks - 1.0))


@inner
def burst_value(words: Float64s, row: int, at: int) -> float:
    """Returns log(1 + score)."""
    return math.log1p(words[row, at + SCORE])
