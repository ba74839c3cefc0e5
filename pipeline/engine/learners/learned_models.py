"""What models that learn beside the decision's path have in common: which events they see, their state and their snapshots."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.learner import Learner
from detectors.snapshot import Snapshot
from pipeline.engine.definitions.model import Model
from pipeline.engine.learners.two_numbers import PREFIX, TwoNumbers
from pipeline.engine.learners.usual_values import STATE as USUAL_STATE
from pipeline.engine.learners.usual_values import UsualValues


class Published(Protocol):
    """A global model that learns, and what its snapshots carry beside it."""

    model: Model
    usual: UsualValues
    numbers: TwoNumbers | None

    @property
    def learner(self) -> Learner:
        """What learns."""


def sampled(id_keys: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Which events a learner sees: a multiplicative hash of the id below `share`; the same on every run."""
    hashed = id_keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mask: NDArray[np.bool_] = (hashed >> np.uint64(11)) < np.uint64(int(share * (1 << 53)))
    return mask


def own_state(state: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The part of a state that is the detector's: without lessons, bounds of labels, numbers and usual values."""
    return {
        name: array
        for name, array in state.items()
        if name not in ("lessons", "label_bounds") and not name.startswith((PREFIX, USUAL_STATE))
    }


def snapshot_of(learner: Published, sequence: int, time_ms: int) -> Snapshot:
    """The snapshot of what a model has learned so far, with its usual values, map and calibration."""
    arrays = learner.learner.snapshot() | learner.usual.arrays()
    if learner.numbers is not None:
        arrays |= learner.numbers.arrays(learner.learner.score_many)
    return Snapshot(learner.model.name, learner.model.definition, sequence, time_ms, arrays, learner.model.model)
