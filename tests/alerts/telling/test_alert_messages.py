"""Messages of what happens to alerts."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alerts.book.changes import Flood, Notice
from alerts.telling.alert_messages import messages_of
from alerts.webhooks.message import BODY_BYTES_MAX
from alerts.webhooks.message_types import MESSAGE_TYPES
from stores.casework.alerts import Alert, AlertedEvent
from stores.casework.webhooks import StoredWebhook, WebhookWish

NEWEST = AlertedEvent("e1", "u1", 5, "block", 0.99)
ALERT = Alert(
    id="a1",
    fingerprint="f1",
    name="attack",
    title="an attack",
    group={"card": "c1"},
    state="firing",
    severity="high",
    opened_at_ms=10,
    changed_at_ms=11,
    first_event_ms=5,
    last_event_ms=6,
    events=2,
    loss=30.0,
    risk=0.9,
    risk_at_ms=11,
    patterns=("p",),
    reasons=("3 probes",),
    newest=(NEWEST,),
    entities={"card": "c1"},
    is_stale=False,
    version=4,
)


def webhook(id: str, *types: str, filter: str = "") -> StoredWebhook:
    wish = WebhookWish(url="https://example.com/", types=types, filter=filter)
    return StoredWebhook(id=id, wish=wish, keys=(), version=1, by="ana", made_at_ms=0, changed_at_ms=0)


def data_of(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)["data"]
    return found


def test_a_message_goes_to_the_webhooks_that_want_its_type() -> None:
    webhooks = [webhook("all"), webhook("opened", "alert.opened"), webhook("alerts", "alert.*"), webhook("resolved", "alert.resolved")]
    [(message, wanted)] = messages_of([Notice("opened", ALERT)], webhooks, 20)
    assert (message.type, wanted) == ("alert.opened", ("all", "opened", "alerts"))


def test_the_same_notice_makes_the_same_message_and_another_change_another() -> None:
    changed = msgspec.structs.replace(ALERT, version=5)
    messages = messages_of(
        [Notice("opened", ALERT), Notice("opened", ALERT), Notice("updated", changed), Notice("opened", changed)], [], 20
    )
    ids = [message.id for message, _ in messages]
    assert ids[0] == ids[1] and len(set(ids)) == 3
    assert {message.key for message, _ in messages} == {"f1"}


def test_a_whole_message_tells_the_alert_and_a_thin_one_how_to_ask_for_it() -> None:
    [(message, _)] = messages_of([Notice("updated", ALERT)], [], 20)
    whole = data_of(message.full)
    assert (whole["group"], whole["reasons"], whole["newest"][0]["event_id"], whole["loss"]) == ({"card": "c1"}, ["3 probes"], "e1", 30.0)
    assert "fingerprint" not in whole
    assert data_of(message.thin) == {"id": "a1", "name": "attack", "state": "firing", "severity": "high", "events": 2}


def test_an_alert_that_is_too_large_for_a_message_is_told_by_its_links() -> None:
    [(message, _)] = messages_of([Notice("opened", msgspec.structs.replace(ALERT, reasons=("é" * BODY_BYTES_MAX,)))], [], 20)
    assert data_of(message.full)["is_shortened"] and data_of(message.full)["id"] == "a1"


def test_a_flood_says_how_many_more_there_were() -> None:
    [(message, wanted)] = messages_of([Flood("attack", 10, 20, 1_204)], [webhook("w", "alerts.withheld")], 20)
    assert (data_of(message.full)["text"], wanted) == ("and 1,204 more", ("w",))


def test_every_type_that_is_told_can_be_asked_for() -> None:
    notices = [Notice("opened", ALERT), Notice("updated", ALERT), Notice("resolved", ALERT), Flood("attack", 1, 2, 3)]
    assert {message.type for message, _ in messages_of(notices, [], 20)} <= set(MESSAGE_TYPES)


def test_a_webhook_gets_what_its_filter_lets_pass_and_every_number_of_those_withheld() -> None:
    cheap = msgspec.structs.replace(ALERT, id="a2", loss=1.0)
    webhooks = [webhook("all"), webhook("dear", filter="alert.loss > 20.0"), webhook("none", filter="false")]
    notices = [Notice("opened", ALERT), Flood("attack", 1, 2, 3), Notice("opened", cheap)]
    assert [wanted for _, wanted in messages_of(notices, webhooks, 20)] == [("all", "dear"), ("all", "dear", "none"), ("all",)]


TEXTS = st.one_of(
    st.text(max_size=50), st.sampled_from(["", "\x00", "\u202e", "<script>", '"}{', "é" * 30_000, "x" * 30_000, "💥" * 9_000])
)


@given(st.dictionaries(TEXTS, TEXTS, max_size=4), st.lists(TEXTS, max_size=4), TEXTS)
def test_hostile_texts_make_messages_within_the_bound_that_say_them_as_they_are(group: dict[str, str], texts: list[str], id: str) -> None:
    newest = (AlertedEvent(id, id, 5, "block", None),)
    hostile = msgspec.structs.replace(ALERT, group=group, entities=group, reasons=tuple(texts), patterns=tuple(texts), newest=newest)
    for notice in (Notice("opened", hostile), Notice("resolved", hostile)):
        [(message, _)] = messages_of([notice], [webhook("w", filter='entity.card == "c1"')], 20)
        assert len(message.full) <= BODY_BYTES_MAX and len(message.thin) <= BODY_BYTES_MAX
        told = data_of(message.full)
        assert told.get("is_shortened") or (told["group"], told["reasons"]) == (group, texts)
