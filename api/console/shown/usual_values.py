"""An event's features and numbers beside what is usual for its entity: the middle and the range of its other decisions."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

KNOWN_MIN = 3
"""Of fewer other values nobody can say what is usual."""


class Usual(msgspec.Struct, frozen=True):
    """A feature or number of an event, and the middle, least and greatest of `known` others; `is_strange` if it lies outside of these."""

    name: str
    value: float | None
    middle: float | None
    least: float | None
    greatest: float | None
    known: int

    @property
    def is_strange(self) -> bool:
        """Whether it is beyond all that was seen."""
        if self.value is None or self.least is None or self.greatest is None:
            return False
        return not self.least <= self.value <= self.greatest


def usual_values(
    event_id: str, values: Mapping[str, float | None], others: Iterable[Mapping[str, Any]], part: str = "features"
) -> Sequence[Usual]:
    """The features of an event, those beyond the usual first, each by the order in which the release has them.

    Args:
        event_id: of the event, which is left out of `others`.
        values: its own.
        others: decisions on events of the same entity.
        part: of the decisions, which has the others' values: ``features``, or ``event`` for its numbers.
    """
    seen = [other.get(part) or {} for other in others if other.get("event_id") != event_id]
    found = [_usual(name, value, [each[name] for each in seen if each.get(name) is not None]) for name, value in values.items()]
    return sorted(found, key=lambda one: not one.is_strange)


def _usual(name: str, value: float | None, known: Sequence[float]) -> Usual:
    if len(known) < KNOWN_MIN:
        return Usual(name, value, None, None, None, len(known))
    return Usual(name, value, statistics.median(known), min(known), max(known), len(known))
