"""Half-Space Trees of keys: scores how anomalous a row is among those of its key, by trees that all keys share and masses of its own.

Tan, Ting and Liu: Fast anomaly detection for streaming data. IJCAI 2011. The trees are grown from the model's seed alone, so that a key
keeps nothing but how many of its rows fell where. For each key this is River's `anomaly.HalfSpaceTrees` that saw its rows alone.
"""

import operator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.half_space.half_space_forest import box_of, check_sizes, grow_forest
from detectors.half_space.half_space_kernels_of_keys import FIRST, score_learn
from detectors.half_space.half_space_scoring import mass_limit, score_ceiling
from detectors.input_scaling import SCALINGS, WIDTH
from detectors.key_bytes import check_key_bytes

WINDOW_MAX: Final = 4_096
"""The greatest window: a mass is a quarter of a cell, and four of them never look like NaN."""


class HalfSpaceTreesOfKeys:
    """Scores rows of one or more numbers; see `detectors.half_space.half_space_trees.HalfSpaceTrees` for the method.

    A row is scored by the masses of its key's last full window, so that a key is silent (0) for its first `window_size` rows. Scores lie
    in [0, 1] and crowd towards 1 the higher the trees are: compare them among each other, or put the model into a combination. A row of
    which more than half is missing is neither scored nor learned. A key takes 1 KB by default, and in
    general 2 bytes a node for each of two windows. About 0.5 µs a row of one input on a busy machine.

    >>> import numpy as np
    >>> detector = HalfSpaceTreesOfKeys(inputs=2, window_size=4, n_trees=10)
    >>> rows = np.array([[5.0, 1.0], [6.0, 2.0], [5.5, 1.5], [5.0, 1.0], [5.2, 1.1], [90.0, 1.0]])
    >>> out = np.empty((6, 3))
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(6, np.int64), rows, out)
    >>> out[:, 0].round(2).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.24, 0.84]

    Args:
        inputs: number of inputs in a row, at least 1.
        n_trees: number of trees, at least 1.
        height: height of each tree, 1 to 16; a tree has 2**(height + 1) - 1 nodes.
        window_size: number of rows of a key's window, 1 to `WINDOW_MAX`.
        limits: (low, high) of each input after scaling, by position; [0, 1] for all by default.
        seed: seed of the random trees.
        scaling: one of `detectors.input_scaling.SCALINGS`; its figures are each key's own.
        grace_period: number of rows of a key before it is scored, where that is more than its first window.

    Raises:
        ValueError: a parameter is outside its range, or a key would take more than 32 KiB.
        TypeError: a parameter that must be an integer is a fraction.
    """

    def __init__(
        self,
        inputs: int = 1,
        n_trees: int = 8,
        height: int = 4,
        window_size: int = 64,
        limits: list[tuple[float, float]] | None = None,
        seed: int = 42,
        scaling: str = "standard",
        grace_period: int = 0,
    ) -> None:
        for whole in (inputs, n_trees, height, window_size, seed, grace_period):
            operator.index(whole)
        check_sizes(inputs, n_trees, height, window_size)
        if window_size > WINDOW_MAX or grace_period < 0:
            got = f"{window_size} and {grace_period}"
            raise ValueError(f"expected window_size of at most {WINDOW_MAX} and grace_period of at least 0, got {got}")
        if scaling not in SCALINGS:
            raise ValueError(f"scaling: expected one of {', '.join(SCALINGS)}, got {scaling!r}")
        self.inputs = inputs
        self.width = FIRST + WIDTH * inputs + -(-2 * n_trees * (2 ** (height + 1) - 1) // 4)
        check_key_bytes(self.width, "ask for fewer trees or lower ones")
        self.cost_ns = 60.0 + 16.0 * n_trees * height
        self._feature, self._threshold = grow_forest(box_of(limits, inputs), n_trees, height, seed)
        self._sizes = np.array([window_size, max(grace_period, window_size), SCALINGS.index(scaling)], np.int64)
        self._limits = np.array([mass_limit(window_size), score_ceiling(n_trees, height, window_size)])

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each row by its key's cells of `state`, then learns it; see `detectors.learner.Keyed`.

        Args:
            x: [n, inputs] rows, or [n] for one input.
            out: [n] scores, or [n, 1 + inputs] scores and what each input added to them; see `detectors.learner.Keyed`.
        """
        rows, said = x.reshape(len(slots), self.inputs), out[:, None] if out.ndim == 1 else out
        score_learn(state, state.view(np.uint16), slots, rows, self._feature, self._threshold, self._sizes, self._limits, said)
