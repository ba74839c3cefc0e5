"""Decisions that are made again are compared with those that were recorded, as JSON, field by field."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pipeline.follow.recorded_stamps import Recorded

_decode = msgspec.json.Decoder(Recorded).decode
MADE_ANEW = ("processed_at", "latency_ms")
"""The fields of a decision that say when it was made."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Says where a decision that was made again is another one than the recorded one.

    Args:
        user, event_id, revision: which decision.
        field: its place in the decision, such as ``models.fraud.score``.
        served, again: what stands there.
    """

    user: str
    event_id: str
    revision: int
    field: str
    served: Any
    again: Any


@dataclass(slots=True)
class Followed:
    """The result of following a run.

    Args:
        equal: the number of decisions that are the same.
        different: the number of decisions that are not.
        degraded: the number of decisions that were left out, because they were made without an entity's answer.
        lacking: the number of recorded decisions that were not made again.
        surplus: the number of decisions that were made again and not recorded.
        differences: of each decision that is not the same, all fields in which it differs.
        unknown: what decisions name and was not recorded.
    """

    equal: int = 0
    different: int = 0
    degraded: int = 0
    lacking: int = 0
    surplus: int = 0
    differences: list[Difference] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        """Whether every decision was made again and is the same, but for those left out."""
        return not (self.different or self.lacking or self.surplus or self.unknown)


class Comparison:
    """Compares each decision that is made again with the recorded one of the same user, event and revision.

    Args:
        decisions: the values of the recorded decisions; what is none was written by somebody else.
    """

    def __init__(self, decisions: Iterable[bytes]) -> None:
        self._recorded = {decision.name: (decision, value) for decision, value in _decoded(decisions)}
        self._made: set[tuple[str, str, int]] = set()
        self._found = Followed()

    @property
    def recorded(self) -> list[Recorded]:
        """The recorded decisions, the first one of each name."""
        return [decision for decision, _ in self._recorded.values()]

    def take(self, value: bytes) -> Recorded:
        """Compares a decision that was made again, and returns what it says of itself."""
        again, found = _decode(value), self._found
        self._made.add(again.name)
        recorded = self._recorded.get(again.name)
        if recorded is None:
            found.surplus += 1
        elif "degraded" in recorded[0].flags:
            found.degraded += 1
        elif differences := differences_between(recorded[1], value):
            found.different += 1
            found.differences += [Difference(*again.name, *each) for each in differences]
        else:
            found.equal += 1
        return again

    def result(self, unknown: list[str]) -> Followed:
        """Returns what was found, once all decisions were made again.

        Args:
            unknown: what decisions name and was not recorded.
        """
        left = [decision for name, (decision, _) in self._recorded.items() if name not in self._made]
        self._found.lacking = sum("degraded" not in decision.flags for decision in left)
        self._found.unknown = unknown
        return self._found


def differences_between(served: bytes, again: bytes) -> list[tuple[str, Any, Any]]:
    """Gives place and both values of each field in which two decisions differ, but for those of `MADE_ANEW`."""
    one, other = (msgspec.json.decode(value) for value in (served, again))
    for name in MADE_ANEW:
        one.pop(name, None), other.pop(name, None)
    return [] if one == other else list(_differences("", one, other))


def _differences(place: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys([*one, *other]):
            yield from _differences(f"{place}.{name}".lstrip("."), one.get(name), other.get(name))
    elif one != other:
        yield place, one, other


def _decoded(values: Iterable[bytes]) -> Iterator[tuple[Recorded, bytes]]:
    """Decodes recorded decisions; what is none was written by somebody else, and of two with one name the first counts."""
    seen: set[tuple[str, str, int]] = set()
    for value in values:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            decision = _decode(value)
            if decision.name not in seen:
                seen.add(decision.name)
                yield decision, value
