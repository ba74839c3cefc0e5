"""Bursts: a key's rows in this tick against those of all ticks before.

MIDAS-F (Bhatia, Liu, Hooi, Yoon, Shin, Faloutsos 2020): the chi-squared score of the rows now against the mean of the past, where
a tick that was itself an anomaly adds only its mean to the past. There sketches count for all pairs at once; here each key has its
own state, and the counts are exact. Words: whether there was a row, first tick, tick, rows now (older ones by half each time), rows
before, score.
"""

import math

from foundation.compiled import inner, outer
from foundation.number_arrays import Float64s

SEEN, FIRST_TICK, TICK, NOW, BEFORE, SCORE = range(6)
_DECAY = 0.5


@outer
def burst_step(words: Float64s, row: int, at: int, time_ms: int, tick_ms: int, threshold: float) -> None:
    """The key's next row."""
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
    """log(1 + score)."""
    return math.log1p(words[row, at + SCORE])
