"""Signing in at the console, and what a session may do at the API."""

import contextlib
import urllib.parse
from collections.abc import AsyncIterator

import httpx
import pytest
from api_imitation import NOW_MS, TOKEN, Api

from api.auth.session_cookie import csrf_of
from api.console.sign_in import own_path
from stores.tokens import StoredToken, token_hash

ANALYST = "the-token-of-an-analyst"
HOUR_MS = 3_600_000


def browser_of(api: Api, host: str = "localhost:18000", scheme: str = "http") -> httpx.AsyncClient:
    """A browser that has not signed in."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url=f"{scheme}://{host}")


@contextlib.asynccontextmanager
async def signed_in(api: Api, token: str = ANALYST) -> AsyncIterator[httpx.AsyncClient]:
    api.access.tokens.add(StoredToken("ana", token_hash(ANALYST), ("analyst",), "owner", NOW_MS))
    async with browser_of(api) as browser:
        answer = await browser.post("/sign-in", data={"token": token, "back": "/queue?state=open"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/queue?state=open")
        yield browser


async def is_out(api: Api, browser: httpx.AsyncClient) -> bool:
    """Whether a browser has to sign in, once the API has looked again."""
    api.app._authenticator._known.clear()
    return (await browser.get("/queue")).status_code == 303


def secret_of(browser: httpx.AsyncClient) -> str:
    return next(value for name, value in browser.cookies.items() if "session" in name)


async def test_a_session_may_read_and_with_its_second_cookie_change_what_its_roles_allow(api: Api) -> None:
    async with signed_in(api) as browser:
        assert (await browser.get("/v1/cases")).status_code == 200
        assert (await browser.get("/v1/tokens")).status_code == 403
        assert (await browser.post("/v1/cases:next", json={})).status_code == 403
        unforged = {"x-weir-csrf": csrf_of(secret_of(browser))}
        assert (await browser.post("/v1/cases:next", json={}, headers=unforged)).status_code == 404
        elsewhere = unforged | {"origin": "https://evil.example"}
        assert (await browser.post("/v1/cases:next", json={}, headers=elsewhere)).status_code == 403
        assert (await browser.post("/v1/cases:next", json={}, headers=unforged | {"sec-fetch-site": "cross-site"})).status_code == 403
    facts = [entry.fact() for entry in api.access.audit.page(None, 10)]
    assert [(fact.by, fact.action) for fact in facts if fact.by == "ana"][-1] == ("ana", "sign in by token")


async def test_who_has_not_signed_in_is_led_there_and_back_and_another_site_cannot_sign_anybody_in(api: Api) -> None:
    async with browser_of(api) as browser:
        answer = await browser.get("/queue?state=open&inbox=a")
        assert answer.status_code == 303
        asked = urllib.parse.urlsplit(answer.headers["location"])
        assert urllib.parse.parse_qs(asked.query) == {"back": ["/queue?state=open&inbox=a"]}
        forged = await browser.post("/sign-in", data={"token": TOKEN}, headers={"origin": "https://evil.example"})
        assert (forged.status_code, browser.cookies) == (403, {})
        wrong = await browser.post("/sign-in", data={"token": "not-a-token-of-anybody"})
        assert wrong.status_code == 401
        assert "not-a-token" not in wrong.text


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", ""])
def test_nobody_is_sent_on_to_another_site(path: str) -> None:
    assert own_path(path) == "/queue"


async def test_a_session_ends_with_its_token_after_an_idle_hour_and_after_half_a_day(api: Api) -> None:
    async with signed_in(api) as browser:
        for _ in range(12):
            api.now_ms += HOUR_MS - 1_000
            assert (await browser.get("/queue")).status_code == 200
        api.now_ms += 12_000
        assert await is_out(api, browser), "half a day is over, although it was in use"
    async with signed_in(api, TOKEN) as browser:
        api.now_ms += HOUR_MS
        assert await is_out(api, browser), "nobody has opened a page for an hour"
    async with signed_in(api, TOKEN) as browser:
        api.access.tokens.revoke("owner", api.now_ms)
        assert await is_out(api, browser), "the token was revoked that it rests on"


async def test_a_page_gives_an_old_session_another_secret_and_the_one_before_counts_a_minute_longer(api: Api) -> None:
    async with signed_in(api) as browser:
        first = secret_of(browser)
        api.now_ms += 16 * 60_000
        assert (await browser.get("/queue")).status_code == 200
        assert secret_of(browser) != first
    old = {"cookie": f"weir_session_18000={first}"}
    async with browser_of(api) as other:
        assert (await other.get("/queue", headers=old)).status_code == 200
        api.now_ms += 61_000
        api.app._authenticator._known.clear()
        assert (await other.get("/queue", headers=old)).status_code == 303


async def test_signing_out_ends_the_session_for_whoever_has_kept_its_cookie(api: Api) -> None:
    async with signed_in(api) as browser:
        kept = {"cookie": f"weir_session_18000={secret_of(browser)}"}
        assert (await browser.post("/sign-out")).headers["location"] == "/sign-in"
        assert browser.cookies == {}
    async with browser_of(api) as other:
        assert (await other.get("/v1/cases", headers=kept)).status_code == 401


async def test_beyond_this_machine_cookies_are_secure_and_bound_to_their_host(api: Api) -> None:
    async with browser_of(api, "weir.example", "https") as browser:
        answer = await browser.post("/sign-in", data={"token": TOKEN})
        session, csrf = answer.headers.get_list("set-cookie")
    assert session.startswith("__Host-weir_session=")
    assert session.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")
    assert csrf.startswith("__Host-weir_csrf=")
    assert csrf.endswith("; Path=/; Secure; SameSite=Strict")


async def test_a_link_signs_its_maker_in_once_and_within_ten_minutes(api: Api) -> None:
    paths = [(await api.client.post("/v1/sessions:link")).json()["path"] for _ in range(2)]
    secrets = [path.removeprefix("/sign-in/link#") for path in paths]
    async with browser_of(api) as browser:
        assert (await browser.post("/sign-in", data={"link": secrets[0]})).status_code == 303
        assert "owner" in (await browser.get("/queue")).text
        assert (await browser.post("/sign-in", data={"link": secrets[0]})).status_code == 401
        api.now_ms += 600_000
        assert (await browser.post("/sign-in", data={"link": secrets[1]})).status_code == 401


async def test_every_page_tells_browsers_to_run_and_show_nothing_of_others(api: Api) -> None:
    async with browser_of(api) as browser:
        headers = (await browser.get("/sign-in")).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert {"default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} <= set(policy.split("; "))
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
        assert (await browser.get("/assets/none.js")).status_code == 404
        assert (await browser.get("/assets/..%2fconsole.py")).status_code == 404
