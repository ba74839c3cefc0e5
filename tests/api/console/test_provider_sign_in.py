"""People sign in at an identity provider, with the roles that the API gives them."""

import time
import urllib.parse
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from api_imitation import Api
from identity_provider import AUDIENCE, Provider

from api.auth.provider.jwks import Keys
from api.auth.provider.oidc import OidcVerifier, read_rules
from api.auth.provider.provider_sign_in import ProviderSignIn

CONSOLE = "http://localhost:18000"


@pytest.fixture
def provider() -> Iterator[Provider]:
    serving = Provider()
    yield serving
    serving.stop()


@pytest.fixture
def visitor(api: Api, provider: Provider) -> httpx.AsyncClient:
    """One that has not signed in at a console that the provider knows."""
    settings = msgspec.structs.replace(
        api.settings, oidc_issuer=provider.issuer, oidc_audience=AUDIENCE, oidc_roles="fraud-desk=analyst", oidc_client_id="console",
        console_url=CONSOLE,
    )  # fmt: skip
    verifier = OidcVerifier(read_rules(settings), Keys(provider.issuer, "", time.monotonic))
    api.app._console._signing_in.provider = ProviderSignIn(settings, verifier, api.access.sessions, api.clock)
    return httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url=CONSOLE)


async def asked(visitor: httpx.AsyncClient) -> dict[str, str]:
    """What the visitor is led to the provider with."""
    answer = await visitor.get("/sign-in/provider", params={"back": "/queue?state=open"})
    assert answer.status_code == 303
    place = urllib.parse.urlsplit(answer.headers["location"])
    assert place.path == "/authorize"
    return dict(urllib.parse.parse_qsl(place.query))


async def test_who_the_provider_signs_in_has_the_roles_of_their_groups(visitor: httpx.AsyncClient, provider: Provider) -> None:
    given = await asked(visitor)
    assert (given["response_type"], given["code_challenge_method"], given["redirect_uri"]) == ("code", "S256", f"{CONSOLE}/sign-in/answer")
    back = {"state": given["state"], "code": provider.authorise(given, sub="zoë")}
    answer = await visitor.get("/sign-in/answer", params=back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue?state=open")
    page = await visitor.get("/queue")
    assert "oidc:zoë" in page.text
    assert "analyst" in page.text
    again = back | {"code": provider.authorise(given)}
    assert (await visitor.get("/sign-in/answer", params=again)).status_code == 401


async def test_a_browser_that_has_not_begun_is_not_signed_in(visitor: httpx.AsyncClient, provider: Provider) -> None:
    given = await asked(visitor)
    answer = {"state": given["state"], "code": provider.authorise(given)}
    visitor.cookies.clear()
    assert (await visitor.get("/sign-in/answer", params=answer)).status_code == 401
    assert not any("session" in name for name in visitor.cookies)


@pytest.mark.parametrize("claims", [{"aud": "another"}, {"exp": 1}, {"iss": "http://evil.example"}, {"nonce": "n", "scope": None}])
async def test_a_token_that_the_api_would_refuse_signs_nobody_in(
    visitor: httpx.AsyncClient, provider: Provider, claims: dict[str, object]
) -> None:
    given = await asked(visitor)
    answer = {"state": given["state"], "code": provider.authorise(given, **claims)}
    assert (await visitor.get("/sign-in/answer", params=answer)).status_code == 401


async def test_a_code_of_somebody_else_and_a_refusal_sign_nobody_in_and_a_silent_provider_says_so(
    visitor: httpx.AsyncClient, provider: Provider
) -> None:
    given = await asked(visitor)
    stolen = provider.authorise(given | {"code_challenge": "of-another-visitor"})
    assert (await visitor.get("/sign-in/answer", params={"state": given["state"], "code": stolen})).status_code == 401
    given = await asked(visitor)
    assert (await visitor.get("/sign-in/answer", params={"state": given["state"], "error": "access_denied"})).status_code == 401
    provider.status = 500
    assert (await visitor.get("/sign-in/provider")).status_code == 503
