"""Defines the numbers that the kernel can read of a window."""

import enum
from typing import NamedTuple

from features.definitions.window import Window


class Code(enum.IntEnum):
    """Names a number over the rows of a window that have a value and satisfy `where`; n is the number of these rows.

    COUNT n. SUM, MEAN, STD (n - 1; NaN below 2), MIN, MAX. LABEL_COUNT positives, LABELLED_COUNT rows with a label, LABEL_RATE
    positives of all rows, LABELLED_RATE positives of the labelled ones. LAST and FIRST: value of the newest and of the oldest row;
    LAST_AGE and FIRST_AGE: seconds from their times to the event's. DISTINCT values, TOP: rows with the commonest one, OWN: rows with
    the event's own, ENTROPY of their shares in bits. LESS and EQUAL: rows with less than, or as much as, the event's own value.
    EW_MEAN and EW_STD of a decayed window. BURST: log(1 + score) of a window of ticks. What is missing is NaN; COUNT, SUM,
    LABEL_COUNT, LABELLED_COUNT and DISTINCT of nothing are 0, and so are TOP, OWN, LESS and EQUAL; the last three are NaN where
    the event has no value.
    """

    COUNT = 0
    SUM = 1
    MEAN = 2
    STD = 3
    MIN = 4
    MAX = 5
    LABEL_COUNT = 6
    LABEL_RATE = 7
    LABELLED_RATE = 8
    LABELLED_COUNT = 9
    LAST = 10
    LAST_AGE = 11
    FIRST = 12
    FIRST_AGE = 13
    DISTINCT = 14
    TOP = 15
    OWN = 16
    ENTROPY = 17
    LESS = 18
    EQUAL = 19
    EW_MEAN = 20
    EW_STD = 21
    BURST = 22


class Reading(NamedTuple):
    """Describes one number of one window.

    Args:
        code: the number that is read.
        column: name of a row column; '' for the rows themselves.
        window: the window over whose rows it is read.
        where: name of a row column that must be 1; '' for all rows.
        before: whether the event itself is excluded.
    """

    code: Code
    column: str
    window: Window
    where: str = ""
    before: bool = False
