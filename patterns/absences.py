"""Trailing absences of sequences that have come true: nothing came until a deadline in event time."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from features.profiles.profiles import Profiles
from foundation.number_arrays import Int64s
from patterns.findings import Events, Values


class Absence(NamedTuple):
    """One absence that has come true. It changes no decision: it is told to whoever reads alerts.

    Args:
        pattern, version: the rule, and which text of it.
        severity, status: of the rule.
        shadow: whether it is only watched: nobody is to be alerted.
        kind, key: whose events it is about: the kind of entity, and its id.
        events: (time in ms, key of the id) of the events before the absence, in the order of their steps.
        values: what the reason reads, by name; a missing value is None.
        reason: what it says, in words with values in them.
        deadline_ms: the event time up to which, inclusive, nothing came.
    """

    pattern: str
    version: str
    severity: str
    status: str
    shadow: bool
    kind: str
    key: str
    events: Events
    values: Values
    reason: str
    deadline_ms: int

    @property
    def id(self) -> str:
        """What identifies it: it is the same wherever it is computed, and however often."""
        return "/".join(("absence", self.pattern, self.kind, self.key, str(self.deadline_ms), *(str(id) for _, id in self.events[-1:])))


class Waiting(Protocol):
    """The sequences of one kind of key that end with an absence."""

    def deadlines_ms(self, profiles: Profiles, slots: Int64s) -> Int64s:
        """Returns the earliest deadline of each slot; `patterns.sequences.plan.tables.NONE` where it waits for none."""
        ...

    def pass_time(self, profiles: Profiles, slots: Int64s, now_ms: int) -> Sequence[Absence]:
        """Takes out the absences of `slots`, each once, whose deadlines lie before the event time `now_ms`."""
        ...


NOBODY_WAITS: Mapping[str, Waiting] = {}
