"""Which values a parameter of a River class may have; everything is checked without River itself."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["anomaly", "anomaly_of_one", "classifier", "transformer", "drift", "optimizer", "engine"]
"""What a River class does: ``anomaly_of_one`` scores one number by itself, ``drift`` watches one number, ``optimizer`` and ``engine`` are
parts of other classes."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in [`low`, `high`]; a whole one where `whole`, and nothing where `optional`."""

    low: float
    high: float
    whole: bool = False
    optional: bool = False

    @property
    def expected(self) -> str:
        """Says which values are accepted."""
        return f"a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:g}{', or null' if self.optional else ''}"

    def accepts(self, value: object) -> bool:
        """Tells whether `value` is one of them."""
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return math.isfinite(value) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values."""

    values: tuple[object, ...]

    @property
    def expected(self) -> str:
        """Says which values are accepted."""
        return "one of " + ", ".join("true" if each is True else "false" if each is False else str(each) for each in self.values)

    def accepts(self, value: object) -> bool:
        """Tells whether `value` is one of them; a number is no truth value."""
        return any(type(value) is type(each) and value == each for each in self.values)


@dataclass(frozen=True, slots=True)
class Nested:
    """Another allowed class, described as a step is; a list of 2 to 10 of them where `many`."""

    role: Role
    many: bool = False


Parameter = Number | Choice | Nested


@dataclass(frozen=True, slots=True)
class AllowedClass:
    """A class of River that models.yaml may name.

    Args:
        role: what it does.
        parameters: those that may be given, by name; `seed` is always given, so that two runs grow the same model.
        required: those without a default.
        unit: its scores lie in [0, 1]; others are brought there, see `detectors.river.scores.to_unit`.
        replay_only: why it may not score events that wait for a decision; empty where it may.
    """

    role: Role
    parameters: Mapping[str, Parameter]
    required: tuple[str, ...] = ()
    unit: bool = True
    replay_only: str = ""
