"""An event's features, numbers and texts beside what is usual for its user: what was approved of their other events."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

APPROVED = "approve"
KNOWN_MIN = 3
"""Of fewer other values nobody can say what is usual."""
KINDS = ("kind", "type", "event_type")
"""The dimensions that say what kind of event one is, by their usual names; the first that a decision has counts."""


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


class Alike(msgspec.Struct, frozen=True):
    """The events that numbers of another one are compared with: of its `kind`, or of all kinds where too few are of it.

    `kind` is None where events have none, and '' for events of all kinds.
    """

    events: Sequence[Mapping[str, Any]]
    kind: str | None

    @property
    def words(self) -> str:
        """What they are, behind the word for how many."""
        return {None: "approved", "": "approved of all kinds"}.get(self.kind, f"approved of kind {self.kind}")


class Met(msgspec.Struct, frozen=True):
    """How many of the `known` other events have the text or entity that this event has under a name."""

    times: int
    known: int


def usual_of(decision: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Those of `others`, decisions on events, that say what is usual of the user of `decision`: approved ones of the same user.

    What was reviewed or blocked says nothing, as it teaches nothing to rules: it may be of the same attack.
    """
    theirs = [other for other in others if other.get("user") == decision["user"] and other.get("event_id") != decision["event_id"]]
    return [other for other in theirs if other.get("action") == APPROVED]


def alike(decision: Mapping[str, Any], usual: Sequence[Mapping[str, Any]]) -> Alike:
    """Those of `usual` that are of the kind of `decision`: deposits would else say which purchases are usual.

    Args:
        decision: on the event.
        usual: see `usual_of`.
    """
    said = [each.get("dimensions") or {} for each in (decision, *usual)]
    name = next((name for name in KINDS if any(name in each for each in said)), None)
    if name is None:
        return Alike(usual, None)
    kind = said[0].get(name)
    same = [each for each, dimensions in zip(usual, said[1:], strict=True) if dimensions.get(name) == kind]
    return Alike(same, kind or None) if len(same) >= KNOWN_MIN else Alike(usual, "")


def usual_values(decision: Mapping[str, Any], usual: Iterable[Mapping[str, Any]], part: str = "features") -> Sequence[Usual]:
    """The features of an event, those beyond the usual first, each by the order in which the release has them.

    Args:
        decision: on the event.
        usual: the events to compare with, see `alike`.
        part: of the decisions, which has the values: ``features``, or ``event`` for its numbers.
    """
    seen = [each.get(part) or {} for each in usual]
    own: Mapping[str, float | None] = decision.get(part) or {}
    found = [_usual(name, value, [each[name] for each in seen if each.get(name) is not None]) for name, value in own.items()]
    return sorted(found, key=lambda one: not one.is_strange)


def met_before(decision: Mapping[str, Any], usual: Sequence[Mapping[str, Any]]) -> Mapping[str, Met]:
    """How usual the texts and entities of an event are, by name; none where too few others are known."""
    found: dict[str, Met] = {}
    for part in ("dimensions", "entities"):
        for name, value in (decision.get(part) or {}).items():
            known = [met for each in usual if (met := (each.get(part) or {}).get(name))]
            if value and len(known) >= KNOWN_MIN:
                found[name] = Met(known.count(value), len(known))
    return found


def _usual(name: str, value: float | None, known: Sequence[float]) -> Usual:
    if len(known) < KNOWN_MIN:
        return Usual(name, value, None, None, None, len(known))
    return Usual(name, value, statistics.median(known), min(known), max(known), len(known))
