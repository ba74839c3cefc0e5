"""Makes messages of verdicts that were given, and of those that were undone."""

from collections.abc import Sequence

from alerts.policy.alert_definition import fingerprint_of
from alerts.webhooks.message import message_of
from alerts.webhooks.message_types import VERDICT_GIVEN, VERDICT_UNDONE, wanting
from stores.casework.deliveries import Message
from stores.casework.verdicts import Verdict
from stores.casework.webhooks import StoredWebhook


def told_of(verdict: Verdict, webhooks: Sequence[StoredWebhook]) -> list[tuple[Message, Sequence[str]]]:
    """Returns what is told of a verdict as it stands: that it was given, or that it was undone."""
    type, at_ms = (VERDICT_GIVEN, verdict.at_ms) if verdict.undone_ms is None else (VERDICT_UNDONE, verdict.undone_ms)
    links = {"id": verdict.id, "case": verdict.case_id, "verdict": verdict.verdict, "user": verdict.user, "event_id": verdict.event_id}
    data = links | {
        "entity": verdict.entity_kind,
        "entity_id": verdict.entity_id,
        "reason": verdict.reason,
        "by": verdict.by,
        "effective_at_ms": verdict.effective_at_ms,
    }
    id = fingerprint_of(type, [(verdict.id, "")])
    return [(message_of(id, type, verdict.case_id, at_ms, data, links), wanting(webhooks, type))]
