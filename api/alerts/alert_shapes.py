"""Alerts and silences as callers see and send them."""

from typing import Annotated

import msgspec

from alerts.alertmanager.silences import AlertmanagerSilence
from stores.casework.alerts import Alert, AlertedEvent, AlertState, Silence

COMMENT_CHARACTERS_MAX = 500
MATCHERS_MAX = 10
VALUE_CHARACTERS_MAX = 1_000


class ShownAlert(msgspec.Struct):
    """An alert: decisions of one kind that agree in `group`, from the first one until it is resolved.

    Times are ms since the epoch; those of events say so in their names. `loss` is what its `events` would cost if they are fraud. `newest`
    are its newest events, `reasons` those of the first one. `is_stale` alerts are of decisions that were old when they came, and
    `is_beyond_limit` ones are of a flood: nobody is told of either. `muted_by` says what else mutes it.
    """

    id: str
    name: str
    title: str
    group: dict[str, str]
    state: AlertState
    severity: str
    opened_at_ms: int
    changed_at_ms: int
    first_event_ms: int
    last_event_ms: int
    events: int
    loss: float
    patterns: tuple[str, ...]
    reasons: tuple[str, ...]
    newest: tuple[AlertedEvent, ...]
    is_stale: bool
    is_beyond_limit: bool
    muted_by: str
    resolved_at_ms: int | None
    resolution: str
    version: int


class AlertPage(msgspec.Struct):
    """Alerts, the newest first; `next` is the cursor of the page behind it, and null on the last one."""

    alerts: list[ShownAlert]
    next: str | None


class AlertChanges(msgspec.Struct):
    """Alerts as they stand, in the order of their newest changes; `next` is the cursor that gives what changes afterwards."""

    alerts: list[ShownAlert]
    next: str


class ShownAlertEvent(msgspec.Struct):
    """An event that counts in an alert: its user and id, the revision that counts, and its loss."""

    user: str
    event_id: str
    revision: int
    loss: float


class AlertEventPage(msgspec.Struct):
    """Events of an alert, in the order of their users and ids; `next` is the cursor of the page behind it, and null on the last one."""

    events: list[ShownAlertEvent]
    next: str | None


class GivenSilence(msgspec.Struct, forbid_unknown_fields=True):
    """A silence as callers send it: nobody is told of alerts that have all of `matchers` before `until_ms`, ms since the epoch.

    `matchers` are values by name: of what alerts are grouped by, and ``alertname`` or ``severity``.
    """

    matchers: Annotated[dict[str, str], msgspec.Meta(min_length=1, max_length=MATCHERS_MAX)]
    until_ms: int
    comment: Annotated[str, msgspec.Meta(min_length=1, max_length=COMMENT_CHARACTERS_MAX)]


class Silences(msgspec.Struct):
    """The silences that have not ended, those that end first before the others: of this system, and of the Alertmanager that it tells.

    Those of Alertmanager mute what it sends on, and no webhook. `alertmanager_fault` says why they are not known; empty if they are.
    """

    silences: list[Silence]
    alertmanager: list[AlertmanagerSilence] = []
    alertmanager_fault: str = ""


def shown_alert(alert: Alert) -> ShownAlert:
    """An alert as callers see it."""
    return ShownAlert(**{name: getattr(alert, name) for name in ShownAlert.__struct_fields__})
