"""Webhooks and their deliveries over HTTP."""

import base64
import json

import httpx
import msgspec
import pytest
from api_imitation import NOW_MS, Api
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from alerts.webhooks.signing import sign
from api.webhooks.webhook_shapes import KEYS_MAX
from stores.casework.deliveries import Attempt, Message, Settled
from stores.casework.webhooks import WEBHOOKS_MAX

URL = "https://hooks.example.com/in?token=hidden"


async def made(api: Api, **more: object) -> dict[str, object]:
    answer = await api.client.post("/v1/webhooks", json={"url": URL} | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()
    return found


async def header_of(api: Api, role: str) -> dict[str, str]:
    token = await api.client.post("/v1/tokens", json={"name": role, "roles": [role]})
    return {"authorization": f"Bearer {token.json()['token']}"}


def message(id: str, at_ms: int = NOW_MS) -> Message:
    return Message(id, "alert.opened", id, at_ms, b'{"all":1}', b"{}")


def failed(number: int, webhook: str) -> Settled:
    return Settled(number, webhook, Attempt(1, NOW_MS, 20, 500, "", "a stack trace"), "dead", NOW_MS)


async def test_a_new_webhook_shows_the_key_that_verifies_its_messages(api: Api) -> None:
    webhook = await made(api, description="the desk's chat", types=["webhook.*"], form="thin")
    [key] = webhook["keys"]  # type: ignore[misc]
    stored = api.webhooks.stored.get(str(webhook["id"]))
    assert stored is not None and key["signing"] == "ed25519"  # type: ignore[index]
    signature = sign(stored.keys, "m1", 7, b"{}").removeprefix("v1a,")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public"].removeprefix("whpk_")))  # type: ignore[index]
    public.verify(base64.b64decode(signature), b"m1.7.{}")
    assert (webhook["state"], webhook["version"], webhook["by"], webhook["waiting"]) == ("enabled", 1, "owner", 0)


async def test_a_shared_secret_is_shown_once_and_a_private_key_never(api: Api) -> None:
    webhook = await made(api, signing="secret")
    secret = webhook["keys"][0]["secret"]  # type: ignore[index]
    assert secret.startswith("whsec_")
    await made(api)
    for path in ("/v1/webhooks", f"/v1/webhooks/{webhook['id']}", "/v1/audit"):
        text = (await api.client.get(path)).text
        assert secret not in text and "whsk_" not in text
    assert "hidden" not in (await api.client.get("/v1/audit")).text


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("https://inside.example.com/", "a private network"),
        ("https://unknown.example.com/", "not known"),
        ("http://hooks.example.com/", "https"),
        ("https://user:pa55@hooks.example.com/", "not shown"),
        ("ftp://hooks.example.com/", "https"),
        ("", "https"),
    ],
)
async def test_a_receiver_that_no_message_may_reach_is_refused_at_once_and_at_each_edit(api: Api, url: str, what: str) -> None:
    webhook = await made(api)
    for answer in (
        await api.client.post("/v1/webhooks", json={"url": url}),
        await api.client.put(f"/v1/webhooks/{webhook['id']}", json={"url": url}),
    ):
        assert (answer.status_code, answer.json()["where"]) == (422, "url")
        assert what in answer.text and "pa55" not in answer.text
    assert len(api.webhooks.stored.all()) == 1


async def test_a_network_that_the_settings_allow_may_be_named(api: Api) -> None:
    await made(api, url="https://allowed.example.com/")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"url": 1}',
        b'{"url": "https://hooks.example.com/", "extra": 1}',
        b'{"url": "https://hooks.example.com/", "types": ["alarm.*"]}',
        b"{" * 100_000,
    ],
)
async def test_what_is_no_webhook_is_refused(api: Api, body: bytes) -> None:
    answer = await api.client.post("/v1/webhooks", content=body)
    assert answer.status_code in (400, 422) and answer.json()["where"]


async def test_a_change_needs_the_version_that_its_caller_has_seen(api: Api) -> None:
    webhook = await made(api)
    path = f"/v1/webhooks/{webhook['id']}"
    tag = (await api.client.get(path)).headers["etag"]
    changed = await api.client.put(path, json={"url": URL, "state": "disabled"}, headers={"if-match": tag})
    assert (changed.status_code, changed.json()["state"], changed.headers["etag"]) == (200, "disabled", '"2"')
    assert (await api.client.put(path, json={"url": URL}, headers={"if-match": tag})).status_code == 412
    assert (await api.client.get(path, headers={"if-none-match": '"2"'})).status_code == 304


async def test_keys_are_rotated_and_dropped(api: Api) -> None:
    webhook = await made(api, signing="secret")
    path = f"/v1/webhooks/{webhook['id']}"
    rotated = (await api.client.post(path + ":rotate", json={"signing": "ed25519"})).json()
    assert [key["signing"] for key in rotated["keys"]] == ["ed25519", "secret"] and "secret" not in rotated["keys"][1]
    for _ in range(KEYS_MAX - 2):
        assert (await api.client.post(path + ":rotate")).status_code == 200
    assert (await api.client.post(path + ":rotate")).status_code == 409
    dropped = (await api.client.post(path + ":drop_older_keys")).json()
    assert len(dropped["keys"]) == 1 and dropped["version"] == KEYS_MAX + 1


async def test_a_test_message_waits_for_its_webhook_alone(api: Api) -> None:
    webhook, other = await made(api), await made(api)
    assert (await api.client.post(f"/v1/webhooks/{webhook['id']}:test")).json() == {"deliveries": 1}
    [delivery] = api.webhooks.deliveries.due(str(webhook["id"]), NOW_MS, 10)
    assert json.loads(delivery.message.full)["data"] == {"webhook": webhook["id"], "by": "owner"}
    assert api.webhooks.deliveries.due(str(other["id"]), NOW_MS, 10) == []
    shown = (await api.client.get(f"/v1/webhooks/{webhook['id']}")).json()
    assert (shown["waiting"], shown["waiting_since_ms"]) == (1, NOW_MS)


async def test_deliveries_are_paged_and_filtered(api: Api) -> None:
    one, two = str((await made(api))["id"]), str((await made(api))["id"])
    api.webhooks.deliveries.add([(message(f"m{index}"), [one, two]) for index in range(5)])
    found, cursor = [], None
    while True:
        page = (await api.client.get("/v1/deliveries", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        found += [(delivery["message"], delivery["webhook"]) for delivery in page["deliveries"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 10
    only = (await api.client.get("/v1/deliveries", params={"webhook": one, "state": "pending"})).json()["deliveries"]
    assert len(only) == 5
    for bad in ({"cursor": "x"}, {"cursor": "9" * 40}, {"state": "lost"}, {"limit": 0}):
        assert (await api.client.get("/v1/deliveries", params=bad)).status_code == 422


async def test_what_a_receiver_answered_is_shown_to_admins_alone(api: Api) -> None:
    webhook = str((await made(api))["id"])
    api.webhooks.deliveries.add([(message("m1"), [webhook])])
    number = api.webhooks.deliveries.page(None, (), None, 1)[0].number
    api.webhooks.deliveries.settle([failed(number, webhook)])
    path = f"/v1/deliveries/{webhook}/{number}"
    for headers, excerpt in (({}, "a stack trace"), (await header_of(api, "analyst"), None)):
        shown = (await api.client.get(path, headers=headers)).json()
        assert (shown["attempts"][0]["excerpt"], shown["attempts"][0]["status"], shown["body"]) == (excerpt, 500, {"all": 1})
    for missing in (f"/v1/deliveries/{webhook}/{number + 1}", f"/v1/deliveries/{'0' * 32}/{number}"):
        assert (await api.client.get(missing)).status_code == 404


async def test_dead_deliveries_are_sent_again_by_number_or_by_time(api: Api) -> None:
    webhook = str((await made(api))["id"])
    api.webhooks.deliveries.add([(message(f"m{index}", NOW_MS + index), [webhook]) for index in range(3)])
    numbers = [delivery.number for delivery in api.webhooks.deliveries.page(None, (), None, 3)]
    api.webhooks.deliveries.settle([failed(number, webhook) for number in numbers])
    path = f"/v1/webhooks/{webhook}:send_again"

    async def sent(body: object) -> httpx.Response:
        return await api.client.post(path, json=body)

    assert (await sent({"numbers": numbers[:1]})).json() == {"deliveries": 1}
    assert (await sent({"since_ms": NOW_MS, "until_ms": NOW_MS + 1})).json() == {"deliveries": 1}
    assert (await sent({"since_ms": NOW_MS, "until_ms": NOW_MS + 1, "states": ["delivered"]})).json() == {"deliveries": 0}
    for bad in ({}, {"numbers": [1], "since_ms": 1, "until_ms": 2}, {"since_ms": 2, "until_ms": 2}, {"states": ["pending"]}):
        assert (await sent(bad)).status_code == 422


async def test_webhooks_are_made_by_admins_and_read_by_all_who_work_with_decisions(api: Api) -> None:
    webhook = await made(api)
    analyst = await header_of(api, "analyst")
    assert (await api.client.get("/v1/webhooks", headers=analyst)).status_code == 200
    assert (await api.client.post("/v1/webhooks", json={"url": URL}, headers=analyst)).status_code == 403
    for verb in ("rotate", "drop_older_keys", "test", "send_again"):
        assert (await api.client.post(f"/v1/webhooks/{webhook['id']}:{verb}", headers=analyst)).status_code == 403
    assert (await api.client.delete(f"/v1/webhooks/{webhook['id']}", headers=analyst)).status_code == 403


async def test_a_webhook_that_is_gone_is_not_found(api: Api) -> None:
    webhook = await made(api)
    path = f"/v1/webhooks/{webhook['id']}"
    assert (await api.client.delete(path)).status_code == 200
    for answer in (
        await api.client.get(path),
        await api.client.delete(path),
        await api.client.put(path, json={"url": URL}),
        await api.client.post(path + ":test"),
    ):
        assert answer.status_code == 404
    for strange in ("x", "%00", "0" * 33):
        assert (await api.client.get(f"/v1/webhooks/{strange}")).status_code == 404


async def test_no_more_webhooks_are_made_than_may_be(api: Api) -> None:
    webhook = api.webhooks.stored.get(str((await made(api))["id"]))
    assert webhook is not None
    for number in range(1, WEBHOOKS_MAX):
        api.webhooks.stored.add(msgspec.structs.replace(webhook, id=f"{number:032x}"))
    assert (await api.client.post("/v1/webhooks", json={"url": URL})).status_code == 409


async def test_a_filter_is_kept_changed_and_checked_by_the_release_in_force(api: Api) -> None:
    webhook = await made(api, filter='entity.terminal == "t1" && alert.loss > 5.0')
    assert webhook["filter"] == 'entity.terminal == "t1" && alert.loss > 5.0'
    path = f"/v1/webhooks/{webhook['id']}"
    changed = await api.client.put(path, json={"url": URL, "filter": "alert.events > 3"})
    assert (changed.json()["filter"], (await api.client.get(path)).json()["filter"]) == ("alert.events > 3", "alert.events > 3")
    refused = await api.client.put(path, json={"url": URL, "filter": 'alert.loss > 5.0 && entity.terminl == "t1"'})
    assert refused.status_code == 422 and refused.json()["where"].startswith("filter:1:")
    assert "entity.terminal" in refused.text and "^" in refused.json()["excerpt"]
    assert (await api.client.post("/v1/webhooks", json={"url": URL, "filter": "x" * 2_001})).status_code == 422
