"""How cases grow while alerts change: what the store knows then, and what follows from it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from stores.casework.alerts import AlertEvent
from stores.casework.case import LOSS_UNKNOWN, Case, CaseChange


class CaseTotals(msgspec.Struct, frozen=True):
    """Holds what the events of a case come to."""

    events: int
    loss: float
    priority: float
    first_event_ms: int | None
    last_event_ms: int | None


class StandingEvent(msgspec.Struct, frozen=True):
    """Says what an event counted as before, in the case `case_id`; empty for none."""

    case_id: str
    loss: float
    worth: float


def worth_of(event: AlertEvent) -> float:
    """Returns the loss to be expected of an event; without a probability and a score nothing says that it is less than all."""
    probability = next((known for known in (event.probability, event.score) if known is not None), 1.0)
    return probability * (event.loss if event.loss > 0 else LOSS_UNKNOWN)


class Standing(msgspec.Struct):
    """Holds what the store knows when alerts have changed.

    Args:
        of_alerts: the case of each alert that has one; None for an alert that somebody detached.
        open: the open cases by (kind of entity, its id, typology).
        events: by (kind of alert, key of the event).
    """

    of_alerts: Mapping[str, Case | None]
    open: Mapping[tuple[str, str, str], Case]
    events: Mapping[tuple[str, str], StandingEvent]


class CaseGrowth(msgspec.Struct):
    """Holds what follows for cases from changes of alerts.

    Args:
        changes: cases as they are then.
        joined: the case by the id of each alert that joined one.
        recounted: ids of cases that an alert joined which had events before: what their events come to is counted anew.
        events: the case of each event that is in an alert of one, by (kind of alert, key of the event); empty for one that is in none.
        at_ms: the clock.
    """

    changes: Sequence[CaseChange]
    joined: Mapping[str, str]
    recounted: Sequence[str]
    events: Mapping[tuple[str, str], str]
    at_ms: int


class CaseFollowing(Protocol):
    """Says what follows for cases from changes of alerts. It is asked within the transaction that writes the alerts."""

    def alerts(self) -> Sequence[str]:
        """Returns the ids of the alerts that changed."""

    def openings(self) -> Sequence[tuple[str, str, str]]:
        """Returns (kind of entity, its id, typology) of the cases that they may be in."""

    def events(self) -> tuple[Sequence[str], Sequence[str]]:
        """Returns the kinds of alerts that may be in cases, and the keys of the events that changed."""

    def follow(self, standing: Standing) -> CaseGrowth:
        """Returns what follows."""
