"""An alert as Alertmanager takes it: labels, which are its identity there, and annotations, which are for people.

Alertmanager refuses names that are no identifiers, and drops empty labels. So names are made legal, texts are bounded, and whatever a user
has put into an id is only ever a value.
"""

import datetime
import re
from typing import Any

from alerts.book.silencing import NAME, SEVERITY
from alerts.webhooks.troubles import WebhookTrouble
from stores.casework.alerts import Alert

LABEL_CHARACTERS_MAX = 256
ANNOTATION_CHARACTERS_MAX = 2_000
WEBHOOK_FAILS = "webhook_fails"
"""The label ``alertname`` of a webhook that gets nothing."""
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_]")


def labels_of(alert: Alert) -> dict[str, str]:
    """Returns the labels of an alert: ``alertname``, ``severity``, and what its decisions have in common."""
    labels = {_name(kind): value for kind, value in alert.group.items()} | {NAME: alert.name, SEVERITY: alert.severity}
    return {name: _bounded(value, LABEL_CHARACTERS_MAX) for name, value in labels.items() if value.strip()}


def posted_alert(alert: Alert, ends_at_ms: int, link: str) -> dict[str, Any]:
    """Returns an alert as Alertmanager's API v2 takes it.

    Args:
        ends_at_ms: when it ends unless it is told again, or when it has ended; ms since the epoch.
        link: the URL of the page of its case; empty where it is in none.
    """
    annotations = {
        "summary": alert.title,
        "description": "; ".join(alert.reasons),
        "events": str(alert.events),
        "loss": f"{alert.loss:.2f}",
        "alert_id": alert.id,
        "case": link,
    }
    posted = {
        "labels": labels_of(alert),
        "annotations": {name: _bounded(text, ANNOTATION_CHARACTERS_MAX) for name, text in annotations.items() if text},
        "startsAt": _time(alert.opened_at_ms),
        "endsAt": _time(max(ends_at_ms, alert.opened_at_ms + 1)),
    }
    return posted | ({"generatorURL": link} if link else {})


def posted_trouble(trouble: WebhookTrouble, ends_at_ms: int) -> dict[str, Any]:
    """Returns a webhook that gets nothing as Alertmanager takes it; the path of its URL may hold a token, and is left out."""
    receiver = "/".join(trouble.webhook.wish.url.split("?")[0].split("/")[:3])
    return {
        "labels": {NAME: WEBHOOK_FAILS, SEVERITY: "high", "webhook": trouble.webhook.id},
        "annotations": {"summary": "A webhook gets no messages", "description": _bounded(trouble.why, ANNOTATION_CHARACTERS_MAX)}
        | {"receiver": _bounded(receiver, LABEL_CHARACTERS_MAX)},
        "startsAt": _time(trouble.since_ms),
        "endsAt": _time(max(ends_at_ms, trouble.since_ms + 1)),
    }


def _name(kind: str) -> str:
    legal = _ILLEGAL.sub("_", kind)[:LABEL_CHARACTERS_MAX]
    return legal if legal[:1].isalpha() or legal[:1] == "_" else "_" + legal


def _bounded(text: str, characters_max: int) -> str:
    """`text` in what UTF-8 can encode, shortened with a sign that it is."""
    sendable = text.encode("utf-8", "replace").decode()
    return sendable if len(sendable) <= characters_max else sendable[: characters_max - 1] + "…"


def _time(at_ms: int) -> str:
    return datetime.datetime.fromtimestamp(at_ms / 1_000, datetime.UTC).isoformat(timespec="milliseconds")
