"""Makes a model of River from its description, which the tables of `detectors.river.allowed` have been held against."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from detectors.river.allowed import ALLOWED
from detectors.river.parameter import Nested

Steps = Sequence[tuple[str, Mapping[str, Any]]]
"""A pipeline: the name of each class and its parameters, of which a nested one is again a pipeline, or a list of them."""

SEED: Final = 42
"""The seed of classes that are given none, so that two runs learn the same."""
_UNSEEDED: Final[Mapping[str, Mapping[str, Steps]]] = {"neighbors.KNNClassifier": {"engine": (("neighbors.SWINN", {}),)}}
"""By class, the parts that River makes without a seed where nothing is said of them; here they are the same parts with one."""


def build(steps: Steps) -> Any:
    """Returns the model; the first call imports River, which takes seconds of CPU.

    Raises:
        ValueError: River does not take these parameters together.
    """
    made = [_step(name, parameters) for name, parameters in steps]
    if len(made) == 1:
        return made[0]
    from river import compose

    return compose.Pipeline(*made)


def input_names(count: int) -> tuple[str, ...]:
    """Returns the names that River knows inputs by: some of its models order inputs by name, and these stand in their own order."""
    return tuple(f"x{place:03}" for place in range(count))


def _step(name: str, parameters: Mapping[str, Any]) -> Any:
    allowed = ALLOWED[name]
    parameters = {**_UNSEEDED.get(name, {}), **parameters}
    given = {key: _nested(value, allowed.parameters[key]) for key, value in parameters.items()}
    if "seed" in allowed.parameters:
        given.setdefault("seed", SEED)
    module, _, own = name.rpartition(".")
    try:
        return getattr(importlib.import_module(f"river.{module}"), own)(**given)
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise ValueError(f"{name}: River does not take {dict(parameters)}: {error}") from error


def _nested(value: Any, parameter: object) -> Any:
    if not isinstance(parameter, Nested):
        return value
    return [build(each) for each in value] if parameter.many else build(value)
