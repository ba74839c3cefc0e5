"""Pipelines of River that Weir runs in arrays instead: the same numbers to 1e-9, in a hundredth of the time."""

from collections.abc import Mapping
from typing import Any, Final

from detectors.river.building import SEED, Steps

_OF_TREES: Final = frozenset({"n_trees", "height", "window_size", "seed"})
_OF_REGRESSION: Final = frozenset({"intercept_lr", "clip_gradient"})
_RATE: Final = 0.01


def array_form(steps: Steps) -> tuple[str, dict[str, object]] | None:
    """Returns the detector of `detectors.catalogue.LEARNERS` that equals the pipeline, and its parameters; None where there is none."""
    names = tuple(name for name, _ in steps)
    scaled, last = names[:-1], dict(steps[-1][1])
    if any(parameters for _, parameters in steps[:-1]):
        return None
    if names[-1] == "anomaly.HalfSpaceTrees" and scaled in ((), ("preprocessing.MinMaxScaler",)) and last.keys() <= _OF_TREES:
        return names[-1], {"seed": SEED, **last, "scaling": "min_max" if scaled else "none"}
    if names == ("preprocessing.StandardScaler", "linear_model.LogisticRegression"):
        rate = _rate_of(last.pop("optimizer", None))
        if rate is not None and last.keys() <= _OF_REGRESSION:
            return names[-1], {"learning_rate": rate, **last}
    return None


def _rate_of(optimizer: Any) -> float | None:
    """The learning rate of plain gradient descent; None of another optimizer."""
    if optimizer is None:
        return _RATE
    parameters: Mapping[str, Any]
    (name, parameters), *more = optimizer
    return parameters.get("lr", _RATE) if name == "optim.SGD" and not more else None
