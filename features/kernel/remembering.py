"""Stores beside each retained event what was decided on it."""

from features.layout.layout import OUTCOME, PAGE, PAGE_BITS, PAGE_WORDS, SCORE
from foundation.borrowing import entry
from foundation.number_arrays import Float64s, Int64s


@entry
def store_outcomes(pages: Int64s, pages_f: Float64s, row_words: int, rows: Int64s, scores: Float64s, outcomes: Int64s) -> int:
    """Writes scores and outcomes [n] into the rows that `rows` refers to. Returns how many of these are no references to rows."""
    others = 0
    for i in range(len(rows)):
        row = rows[i]
        if row < 0:
            others += 1
            continue
        word = PAGE_WORDS + (row & (PAGE - 1)) * row_words
        pages_f[row >> PAGE_BITS, word + SCORE] = scores[i]
        pages[row >> PAGE_BITS, word + OUTCOME] = outcomes[i]
    return others
