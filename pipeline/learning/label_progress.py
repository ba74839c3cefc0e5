"""How far the labels of a partition are done, as the label job commits it.

The committed offset is that of the oldest label that waits. Beside it stands a text that says up to where all other labels are done, so
that a job which begins again does not resolve them a second time, however long that one label waits.
"""

import bisect
from itertools import accumulate, pairwise
from typing import NamedTuple

TEXT_MAX = 4_000
"""A broker takes at most 4,096 bytes beside an offset, by its default."""
WAITING_TOLD_MAX = TEXT_MAX // 2
"""More labels that wait have no room in the text."""
VERSION = "1"


class LabelProgress(NamedTuple):
    """All labels before the offset `end` are done, but those at the offsets `waiting`, which grow and lie before `end`."""

    end: int
    waiting: tuple[int, ...] = ()

    @property
    def offset(self) -> int:
        """The offset from which on the partition is to be read again."""
        return self.waiting[0] if self.waiting else self.end

    def is_done(self, offset: int) -> bool:
        """Whether the label at `offset` need not be looked at again."""
        at = bisect.bisect_left(self.waiting, offset)
        return self.offset <= offset < self.end and self.waiting[at : at + 1] != (offset,)

    def written(self) -> "LabelProgress":
        """Returns what of it the text has room for, which may end sooner."""
        room = TEXT_MAX - len(VERSION)
        for count, step in enumerate(_steps(self)):
            room -= len(step) + 1
            if room < 0:
                return LabelProgress(self.waiting[count], self.waiting[:count])
        return self

    def text(self) -> str:
        """Returns the text that `read_progress` reads, with the offset of this progress."""
        return " ".join([VERSION, *_steps(self)])


def _steps(progress: LabelProgress) -> list[str]:
    """The distances between the labels that wait, and from the last of them to the end."""
    return [str(after - before) for before, after in pairwise([*progress.waiting, progress.end])]


def read_progress(offset: int, text: str) -> LabelProgress:
    """Returns the progress that was committed; one without a text, or with a text of another version, is done up to `offset` alone."""
    version, *steps = text.split(" ")
    if version != VERSION or not steps or not all(step.isdecimal() for step in steps):
        return LabelProgress(offset)
    *waiting, end = accumulate(map(int, steps), initial=offset)
    return LabelProgress(end, tuple(waiting))
