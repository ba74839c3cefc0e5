"""The interfaces of all detectors, whichever their method."""

from typing import Any, ClassVar, Literal, Protocol

from numpy import float64, int64
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
"""Named arrays: everything that leaves a detector, in a snapshot or as its state."""


class Scoring(Protocol):
    """Scores with a learner's snapshot; it never changes.

    A score is higher for rows that are more anomalous or more likely fraud. Contributions and `base` add up to the score on `scale`: for
    ``"score"`` to what `score_many` gives, for ``"log_odds"`` to its log odds.
    """

    scale: Literal["log_odds", "score"]
    base: float
    inputs: int

    def score_many(self, x: NDArray[float64]) -> NDArray[float64]:
        """Returns raw scores [n] of the rows of `x` [n, inputs]; NaN and inputs beyond `detectors.missing.LARGEST` count as missing."""
        ...

    def probability_many(self, raw: NDArray[float64]) -> NDArray[float64]:
        """Returns [n] numbers in [0, 1] that never fall where `raw` rises; NaN where `raw` is, and while nothing is known."""
        ...

    def contributions_many(self, x: NDArray[float64]) -> NDArray[float64]:
        """Returns [n, inputs] what each input added to or took off the score, on `scale`."""
        ...


class Learner(Protocol):
    """Learns outside the decision's path, and publishes arrays to score with.

    One call of `learn_many` with many rows equals many calls with few, bit for bit. Memory does not grow with rows.
    """

    labelled: ClassVar[bool]
    """Whether it learns from labels (`y` is needed) instead of from every event (`y` is ignored)."""
    inputs: int
    cost_ns: float
    """The CPU time to score a row in a batch of hundreds, estimated in nanoseconds."""

    def __init__(self, inputs: int, **parameters: Any) -> None: ...

    def learn_many(self, x: NDArray[float64], y: NDArray[float64] | None, weights: NDArray[float64] | None = None) -> None:
        """Learns the rows of `x` [n, inputs] in their order; `y` [n] holds 0 and 1.

        Args:
            weights: [n] by how much the label of each row counts, above 0; None for 1 each. Ignored where labels are.
        """
        ...

    def score_many(self, x: NDArray[float64]) -> NDArray[float64]:
        """Returns what `Scoring` of a snapshot taken now would return; changes nothing."""
        ...

    def snapshot(self) -> Arrays:
        """Returns copies of everything that scoring needs."""
        ...

    def state(self) -> Arrays:
        """Returns copies of everything besides the parameters that continuing needs."""
        ...

    def restore(self, state: Arrays) -> None:
        """Continues from `state` of a learner with the same parameters; otherwise raises ValueError and changes nothing."""
        ...


class Keyed(Protocol):
    """Keeps a little state per key in rows that the caller owns. A row of zeros is a new key."""

    width: int
    """The number of cells of a row."""
    cost_ns: float
    """The CPU time to score and learn a value in a batch of hundreds, estimated in nanoseconds."""

    def __init__(self, **parameters: Any) -> None: ...

    def score_learn_many(self, state: NDArray[float64], slots: NDArray[int64], x: NDArray[float64], out: NDArray[float64]) -> None:
        """Scores each value in order, and then learns it.

        Args:
            state: [rows, width] cells, or a view of that shape; changed in place.
            slots: [n] index of the row of each value's key.
            x: [n] values, or [n, inputs] rows of a detector that takes several inputs; a missing value is scored NaN and not learned.
            out: [n] scores in [0, 1], written. Of rows it may be [n, 1 + inputs]: the score, and what each input added to it or took off.
                What the shares lack of the score is its base.
        """
        ...
