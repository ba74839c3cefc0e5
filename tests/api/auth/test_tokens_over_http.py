import logging

import httpx
import pytest
from api_imitation import NOW_MS, TOKEN, Api, event

from stores.tokens import new_token, token_hash


async def made(api: Api, name: str = "payments", roles: tuple[str, ...] = ("system",), **more: object) -> dict[str, object]:
    answer = await api.client.post("/v1/tokens", json={"name": name, "roles": roles} | more)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, object] = answer.json()
    return body


def bearing(token: object) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_token_is_shown_once_and_then_only_spoken_of(api: Api) -> None:
    shown = await made(api, roles=("system", "analyst"), expires_at_ms=NOW_MS + 1)
    assert len(str(shown["token"])) == 48
    listed = await api.client.get("/v1/tokens")
    [owner, token] = listed.json()["tokens"]
    assert (owner["name"], owner["roles"]) == ("owner", ["admin"])
    assert token == {
        "name": "payments", "roles": ["system", "analyst"], "by": "owner", "made_at_ms": NOW_MS, "expires_at_ms": NOW_MS + 1,
        "revoked_at_ms": None, "state": "valid",
    }  # fmt: skip
    assert str(shown["token"]) not in listed.text
    assert token_hash(str(shown["token"])) not in listed.text


async def test_a_new_token_lets_in_at_once_and_a_revoked_one_no_more(api: Api) -> None:
    headers = bearing((await made(api))["token"])
    assert (await api.client.post("/v1/events", json=event(), headers=headers)).status_code == 202
    revoked = await api.client.delete("/v1/tokens/payments")
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    assert (await api.client.post("/v1/events", json=event(2), headers=headers)).status_code == 401
    assert (await api.client.delete("/v1/tokens/payments")).json() == revoked.json()


async def test_a_token_counts_until_its_end(api: Api) -> None:
    headers = bearing((await made(api, expires_at_ms=NOW_MS + 1_000))["token"])
    api.now_ms += 1_000
    assert (await api.client.post("/v1/events", json=event(), headers=headers)).status_code == 401
    assert (await api.client.get("/v1/tokens")).json()["tokens"][1]["state"] == "expired"


async def test_a_name_is_given_once(api: Api) -> None:
    await made(api)
    answer = await api.client.post("/v1/tokens", json={"name": "payments", "roles": ["reader"]})
    assert answer.status_code == 409
    await api.client.delete("/v1/tokens/payments")
    assert (await api.client.post("/v1/tokens", json={"name": "payments", "roles": ["reader"]})).status_code == 409


@pytest.mark.parametrize(
    ("wish", "where"),
    [
        ({}, "token"), ([], "token"), ({"name": "x", "roles": ["system"], "token": "mine"}, "token"), ({"name": 1, "roles": []}, "name"),
        ({"name": "", "roles": ["system"]}, "name"), ({"name": "owner", "roles": ["system"]}, "name"),
        ({"name": "oidc:x", "roles": ["system"]}, "name"), ({"name": "a b", "roles": ["system"]}, "name"),
        ({"name": "é", "roles": ["system"]}, "name"), ({"name": "x" * 65, "roles": ["system"]}, "name"),
        ({"name": "x", "roles": []}, "roles"), ({"name": "x", "roles": ["root"]}, "roles"), ({"name": "x", "roles": ["Admin"]}, "roles"),
        ({"name": "x", "roles": ["system"], "expires_at_ms": NOW_MS}, "expires_at_ms"),
        ({"name": "x", "roles": ["system"], "expires_at_ms": 1 << 60}, "expires_at_ms"),
    ],
)  # fmt: skip
async def test_a_bad_wish_for_a_token_is_refused_by_the_name_of_its_part(api: Api, wish: object, where: str) -> None:
    answer = await api.client.post("/v1/tokens", json=wish)
    assert (answer.status_code, answer.json()["where"]) == (422, where)
    assert len(api.access.tokens.all()) == 1


async def test_nobody_of_that_name_is_a_404(api: Api) -> None:
    assert (await api.client.delete("/v1/tokens/nobody")).status_code == 404


async def test_two_headers_are_refused_even_when_both_are_right(api: Api) -> None:
    headers = [("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url="http://api") as client:
        answer = await client.get("/v1/flagged", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="weir", error="invalid_token"'


async def test_what_was_not_let_in_is_counted_by_reason_without_a_name(api: Api) -> None:
    ended = await made(api, "secret-name")
    await api.client.delete("/v1/tokens/secret-name")
    for header in ("", "Bearer", f"Bearer {new_token()}", f"Bearer {new_token()}", f"Bearer {ended['token']}"):
        await api.client.get("/v1/flagged", headers={"authorization": header})
    text = (await api.client.get("/metrics")).text
    assert 'weir_api_authentication_failures_total{reason="unknown"} 2' in text
    assert 'weir_api_authentication_failures_total{reason="revoked"} 1' in text
    assert 'weir_api_authentication_failures_total{reason="malformed"} 2' in text
    assert "secret-name" not in text


async def test_a_store_that_is_down_is_a_503_for_a_token_that_was_not_used_yet(api: Api) -> None:
    headers = bearing((await made(api))["token"])
    await api.client.get("/v1/flagged")
    api.database.away = True
    assert (await api.client.get("/v1/flagged")).status_code == 200
    answer = await api.client.get("/v1/flagged", headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_scores_and_decisions_of_a_known_caller_never_ask_the_relational_store(api: Api) -> None:
    api.answer_all()
    api.keep("5")
    headers = bearing((await made(api, roles=("system",)))["token"])
    assert (await api.client.get("/v1/scores/customer/c1", headers=headers)).status_code == 200
    api.database.away = True
    for _ in range(3):
        assert (await api.client.get("/v1/scores/customer/c1", headers=headers)).status_code == 200
        assert (await api.client.post("/v1/decisions", json=event(7), headers=headers)).json()["flags"] == []


async def test_no_token_is_in_any_log_or_answer_but_the_one_that_makes_it(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = str((await made(api, roles=("reader",)))["token"])
    headers = bearing(token)
    answers = [
        await api.client.get("/v1/flagged", headers=headers), await api.client.put("/v1/policy", headers=headers, content=token),
        await api.client.put("/v1/policy", content="x: y"), await api.client.get("/v1/tokens"), await api.client.get("/v1/audit"),
        await api.client.delete("/v1/tokens/payments"), await api.client.get("/v1/flagged", headers=headers),
        await api.client.get("/v1/flagged", headers={"authorization": f"Bearer {token}x"}), await api.client.get("/metrics"),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 403, 422, 200, 200, 200, 401, 401, 200]
    for text in (caplog.text, *(answer.text for answer in answers)):
        assert token not in text
        assert TOKEN not in text


async def test_nothing_but_requests_gets_past_the_front(api: Api) -> None:
    async def never(*given: object) -> dict[str, object]:
        raise AssertionError(given)

    await api.app({"type": "websocket", "path": "/v1/flagged", "headers": []}, never, never)
