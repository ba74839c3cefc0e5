"""What is usual for each input of a model among all events, so that a reason can say it beside the value that stood out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.learner import Arrays
from detectors.snapshot import GROUP_END

USUAL = "usual"
"""The group of a snapshot's arrays that holds the medians, see `detectors.snapshot.Snapshot.arrays_of`."""
STATE = USUAL + GROUP_END
"""The names of arrays of a learner's state that are these begin with it."""
ROWS = 256
_ONE_IN = 16


class UsualValues:
    """Samples the inputs of events, and gives the median of each.

    It keeps `ROWS` events: first all, and from then on one in 16, chosen by the hash of its id, each in the place of the oldest. So the
    median is that of some thousand events, in which a burst of fraud does not count much, and it has a standard error of at most 4 % of
    the events. It costs 16 ns an event and 8 bytes a kept input.

    Args:
        inputs: of the model.
    """

    def __init__(self, inputs: int) -> None:
        self._rows = np.empty((0, inputs))
        self._next = 0

    def see(self, id_keys: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Takes in events, each once, in their order; `vectors` [n, inputs] of the keys [n] of their ids."""
        room = ROWS - len(self._rows)
        if room > 0:
            self._rows = np.concatenate([self._rows, vectors[:room]])
            id_keys, vectors = id_keys[room:], vectors[room:]
        hashed = id_keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        for row in vectors[(hashed >> np.uint64(32)) % np.uint64(_ONE_IN) == 0]:
            self._rows[self._next] = row
            self._next = (self._next + 1) % ROWS

    def arrays(self) -> Arrays:
        """Returns the arrays of a snapshot's group, by the names that they have in it; none before the first event."""
        if not len(self._rows):
            return {}
        ordered = np.sort(self._rows, axis=0)  # what is missing stands last
        known = np.count_nonzero(~np.isnan(ordered), axis=0)
        medians = np.where(known > 0, ordered[np.maximum(known - 1, 0) // 2, np.arange(ordered.shape[1])], np.nan)
        return {STATE + "medians": medians}

    @staticmethod
    def from_arrays(arrays: Arrays) -> NDArray[np.float64] | None:
        """Returns the medians [inputs] of a snapshot's group; None where it has none, as those of earlier versions.

        Raises:
            ValueError: the group holds something else.
        """
        return expect_array(arrays, "medians", "<f8", (None,)) if arrays else None

    def state(self) -> Arrays:
        """Returns what `resume` takes."""
        return {STATE + "rows": self._rows.copy(), STATE + "next": np.array([self._next], np.int64)}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from that part of a learner's state which `state` gave; begins anew where there is none, or one of other inputs."""
        rows, place = state.get(STATE + "rows"), state.get(STATE + "next")
        if rows is not None and place is not None and rows.shape[1:] == self._rows.shape[1:]:
            self._rows, self._next = np.array(rows, np.float64), int(place[0])
