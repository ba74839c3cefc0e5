"""What every detector promises, whichever its method."""

from typing import Any, ClassVar, Literal, Protocol

from numpy import float64, int64
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
"""Named arrays: all that leaves a detector, in a snapshot or as its state."""


class Scoring(Protocol):
    """The scoring side of a learner, made from a snapshot; it never changes.

    A score is higher for stranger or likelier fraud. Contributions and `base` add up to the score on `scale`: for
    ``"score"`` to what `score_many` gives, for ``"log_odds"`` to its log odds.
    """

    scale: Literal["log_odds", "score"]
    base: float
    inputs: int

    def score_many(self, x: NDArray[float64]) -> NDArray[float64]:
        """Raw scores of the rows of `x` [n, inputs]; one that is NaN or above `detectors.missing.LARGEST` counts as missing."""
        ...

    def probability_many(self, raw: NDArray[float64]) -> NDArray[float64]:
        """Raw scores as numbers in [0, 1], never falling where `raw` rises; NaN where `raw` is, and while there is nothing to go by."""
        ...

    def contributions_many(self, x: NDArray[float64]) -> NDArray[float64]:
        """[n, inputs]: what each input added to or took off the score, on `scale`."""
        ...


class Learner(Protocol):
    """Learns outside the decision's path; publishes arrays to score with.

    One call of `learn_many` with many rows equals many calls with few, bit for bit. Memory does not grow.
    """

    labelled: ClassVar[bool]
    """Learns from labels (`y` is needed) instead of from every event (`y` is not looked at)."""
    inputs: int

    def __init__(self, inputs: int, **parameters: Any) -> None: ...

    def learn_many(self, x: NDArray[float64], y: NDArray[float64] | None) -> None:
        """Learns the rows of `x` [n, inputs] in their order; `y` [n] holds 0 and 1."""
        ...

    def score_many(self, x: NDArray[float64]) -> NDArray[float64]:
        """What `Scoring` of a snapshot taken now would say; changes nothing."""
        ...

    def snapshot(self) -> Arrays:
        """All that scoring needs; copies."""
        ...

    def state(self) -> Arrays:
        """All that going on needs, beside the parameters; copies."""
        ...

    def restore(self, state: Arrays) -> None:
        """Goes on from `state`, taken from a learner of the same parameters; else raises ValueError, unchanged."""
        ...


class Keyed(Protocol):
    """A detector with a little state per key, in rows that somebody else keeps. A row of zeros is a newborn key."""

    width: int
    """Cells of a row."""

    def __init__(self, **parameters: Any) -> None: ...

    def score_learn_many(self, state: NDArray[float64], slots: NDArray[int64], x: NDArray[float64], out: NDArray[float64]) -> None:
        """For each value in order: scores it, then learns it.

        Args:
            state: [rows, width] or a view of that shape; changed in place.
            slots: [n] the row of each value's key.
            x: [n] values; a missing one is scored NaN and not learned.
            out: [n] scores in [0, 1], written.
        """
        ...
