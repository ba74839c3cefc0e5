"""Cuts a batch where what is decided of one event of a user counts for the next one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def waves(users: Sequence[str], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Returns `rows` in parts in each of which a user stands at most once: the first events of all users, then the second ones, and so on.

    Args:
        users: of all events of the batch.
        rows: ascending; each part is, too.
    """
    own = [users[row] for row in rows.tolist()]
    if len(set(own)) == len(own):  # nearly always, where a batch is small
        return [rows]
    before: dict[str, int] = {}
    turns = np.empty(len(own), np.int64)
    for at, user in enumerate(own):
        turns[at] = before[user] = before.get(user, -1) + 1
    return [rows[turns == turn] for turn in range(int(turns.max()) + 1)]
