"""Makes messages of notices. A message's id stands for what it tells, so that the same notice always makes the same message."""

from collections.abc import Iterable, Sequence
from typing import Any

from alerts.book.changes import Flood, Notice
from alerts.policy.alert_definition import fingerprint_of
from alerts.telling.message_filter import NoticeColumns
from alerts.webhooks.message import message_of
from alerts.webhooks.message_types import ALERTS_WITHHELD, wanting
from stores.casework.alerts import Alert
from stores.casework.deliveries import Message
from stores.casework.webhooks import StoredWebhook

_HIDDEN = ("fingerprint", "told", "tell_at_ms")
"""What only the system itself needs of an alert."""
_SHOWN = tuple(name for name in Alert.__struct_fields__ if name not in _HIDDEN)


def messages_of(notices: Iterable[Notice | Flood], webhooks: Sequence[StoredWebhook], now_ms: int) -> list[tuple[Message, tuple[str, ...]]]:
    """Returns the messages of notices, each with the ids of the webhooks that want it. A disabled webhook wants what others do: it waits.

    A webhook's filter judges what is told of alerts; how many were withheld it does not.

    Args:
        now_ms: when it happened, ms since the epoch.
    """
    notices = list(notices)
    refused = _refused(notices, webhooks)
    wanted: dict[str, tuple[str, ...]] = {}
    found = []
    for at, notice in enumerate(notices):
        message = _withheld(notice) if isinstance(notice, Flood) else _told(notice, now_ms)
        if message.type not in wanted:
            wanted[message.type] = wanting(webhooks, message.type)
        found.append((message, tuple([id for id in wanted[message.type] if (id, at) not in refused])))
    return found


def _refused(notices: Sequence[Notice | Flood], webhooks: Sequence[StoredWebhook]) -> set[tuple[str, int]]:
    """The webhooks and the places of notices that their filters keep from them."""
    places = [(at, notice) for at, notice in enumerate(notices) if isinstance(notice, Notice)]
    told = [notice for _, notice in places]
    refused: set[tuple[str, int]] = set()
    columns = NoticeColumns(told)
    for webhook in webhooks:
        if webhook.wish.filter and told:
            passes = columns.passing(webhook.wish.filter)
            refused.update((webhook.id, at) for (at, _), is_met in zip(places, passes, strict=True) if not is_met)
    return refused


def _data_of(alert: Alert) -> dict[str, Any]:
    return {name: getattr(alert, name) for name in _SHOWN}


def _told(notice: Notice, now_ms: int) -> Message:
    alert, type = notice.alert, f"alert.{notice.what}"
    links = {"id": alert.id, "name": alert.name, "state": alert.state, "severity": alert.severity, "events": alert.events}
    id = fingerprint_of(type, [(alert.id, str(alert.version))])
    return message_of(id, type, alert.fingerprint, now_ms, _data_of(alert), links)


def _withheld(flood: Flood) -> Message:
    text = f"and {flood.more:,} more"
    data = {"name": flood.name, "since_ms": flood.since_ms, "until_ms": flood.until_ms, "more": flood.more, "text": text}
    id = fingerprint_of(ALERTS_WITHHELD, [(flood.name, str(flood.since_ms))])
    return message_of(id, ALERTS_WITHHELD, flood.name, flood.until_ms, data, data)
