"""Makes messages of what happened to cases. A message's id stands for its entry, so that one entry is told once."""

from collections.abc import Sequence

from alerts.policy.alert_definition import fingerprint_of
from alerts.webhooks.message import message_of
from alerts.webhooks.message_types import CASE, wanting
from stores.casework.case import CaseNews, state_at
from stores.casework.deliveries import Message
from stores.casework.webhooks import StoredWebhook


def told_of(news: CaseNews, webhooks: Sequence[StoredWebhook]) -> tuple[Message, tuple[str, ...]]:
    """Returns the message of an entry, with the ids of the webhooks that want it; the case is told as it stands now."""
    case, entry = news.case, news.entry
    type = CASE + entry.what
    links = {"id": case.id, "state": state_at(case, entry.at_ms), "typology": case.typology, "inbox": case.inbox, "version": entry.version}
    data = links | {
        "entity": case.entity_kind,
        "entity_id": case.entity_id,
        "priority": case.priority,
        "events": case.events,
        "loss": case.loss,
        "verdict": case.verdict,
        "holder": case.holder,
        "assigned_to": case.assigned_to,
        "by": entry.by,
        "text": entry.text,
    }
    id = fingerprint_of(type, [(case.id, str(entry.number))])
    return message_of(id, type, case.id, entry.at_ms, data, links), wanting(webhooks, type)
