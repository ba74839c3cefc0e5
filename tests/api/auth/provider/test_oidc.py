import asyncio
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from identity_provider import AUDIENCE, RSA_KEYS, Provider, pem_of, public, unsigned

from api.auth.authenticator import Authenticator
from api.auth.permissions import Caller
from api.auth.provider import jwks
from api.auth.provider.jwks import Keys
from api.auth.provider.oidc import OidcVerifier, claimed_roles, read_rules
from api.http.problem import Problem
from foundation.refusal import Refusal
from foundation.settings import Settings

FIRST_WAIT = jwks.REFRESH_SECONDS_MIN + 1


PEER = "203.0.113.9:4711"


class Desk:
    """An authenticator that takes tokens of one provider, with a clock that the test moves."""

    def __init__(self, provider: Provider, **settings: str) -> None:
        self.moved = 0.0
        self.failures: Counter[str] = Counter()
        given = {
            "oidc_issuer": provider.issuer,
            "oidc_audience": AUDIENCE,
            "oidc_roles": "fraud-desk=analyst,platform=admin,platform=author",
        }
        read = Settings(**(given | settings))  # type: ignore[arg-type]
        self.verifier = OidcVerifier(read_rules(read), Keys(read.oidc_issuer, read.oidc_jwks_url, self.monotonic))
        self.authenticator = Authenticator([self.verifier], self.count, time.time, self.monotonic)

    def count(self, reason: str) -> None:
        self.failures[reason] += 1

    def monotonic(self) -> float:
        return time.monotonic() + self.moved

    async def caller(self, token: str) -> Caller:
        header = f"Bearer {token}".encode()
        return self.authenticator.known(header) or await self.authenticator.identify(header, PEER)

    async def refused(self, token: str) -> tuple[int, str]:
        before = self.failures.copy()
        with pytest.raises(Problem) as problem:
            await self.caller(token)
        assert problem.value.status != 401 or (b"www-authenticate", b'Bearer realm="weir", error="invalid_token"') in problem.value.headers
        return problem.value.status, next(iter(self.failures - before), "")


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    yield made
    await asyncio.to_thread(made.stop)


@pytest.fixture
async def desk(provider: Provider) -> AsyncIterator[Desk]:
    made = Desk(provider)
    yield made
    await made.authenticator.close()


async def test_a_signed_token_is_a_caller_with_the_roles_that_its_groups_have(provider: Provider, desk: Desk) -> None:
    found = await desk.caller(provider.token())
    assert (found.name, found.roles) == ("oidc:zoë", ("analyst",))
    found = await desk.caller(provider.token(sub="ann", roles="platform others"))
    assert (found.name, found.roles) == ("oidc:ann", ("author", "admin"))


async def test_a_key_of_an_elliptic_curve_signs_too(provider: Provider, desk: Desk) -> None:
    provider.keys["curve"] = ec.generate_private_key(ec.SECP256R1())
    assert (await desk.caller(provider.token("curve", "ES256"))).roles == ("analyst",)


async def test_who_has_none_of_the_groups_has_no_role(provider: Provider, desk: Desk) -> None:
    for roles in (["others"], [], None, {"a": 1}, [["fraud-desk"]], 7):
        found = await desk.caller(provider.token(roles=roles))
        assert (found.roles, found.mask) == ((), 0)


async def test_keys_may_be_named_without_asking_the_issuer(provider: Provider) -> None:
    desk = Desk(provider, oidc_jwks_url=f"{provider.issuer}/keys", oidc_issuer="https://issuer.example")
    assert (await desk.caller(provider.token(iss="https://issuer.example"))).roles == ("analyst",)
    await desk.authenticator.close()


async def test_what_a_token_must_not_be(provider: Provider, desk: Desk) -> None:
    now = int(time.time())
    good = provider.token()
    header, claims, signature = good.split(".")
    symmetric = {"alg": "HS256", "kid": "first", "typ": "JWT"}
    signed_part = unsigned(good, symmetric).rpartition(".")[0]
    mac = hmac.new(pem_of(provider.keys["first"]), signed_part.encode(), hashlib.sha256).digest()
    cases = [
        (provider.token(exp=now - 60), "expired"),
        (provider.token(exp=None), "claims"),
        (provider.token(nbf=now + 60), "not_yet"),
        (provider.token(iat=now + 60), "not_yet"),
        (provider.token(aud="another"), "audience"),
        (provider.token(aud=None), "claims"),
        (provider.token(iss="https://another.example"), "issuer"),
        (provider.token(sub=None), "claims"),
        (provider.token(sub="line\nbreak"), "claims"),
        (provider.token(sub="x" * 300), "claims"),
        (unsigned(good, {"alg": "none", "kid": "first"}), "algorithm"),
        (unsigned(good, {"alg": "None", "kid": "first"}), "algorithm"),
        (unsigned(good, symmetric, mac), "algorithm"),
        (unsigned(good, {"alg": "ES256", "kid": "first"}, b"0" * 64), "algorithm"),
        (provider.token("first", "RS512"), "algorithm"),
        (provider.token("first", "PS256"), "algorithm"),
        (unsigned(good, {"alg": "RS256"}, b"0" * 256), "unknown_key"),
        (unsigned(good, {"alg": "RS256", "kid": 7}, b"0" * 256), "malformed"),
        (f"{header}.{claims}.{signature[:-8]}AAAAAAAA", "signature"),
        (f"{header}.{provider.token(sub='eve').split('.')[1]}.{signature}", "signature"),
        (f"{header}.{claims}.", "signature"),
        ("eyJhbGciOiJSUzI1NiJ9.e30.x!", "malformed"),
        (f"eyJ.{claims}.{signature}", "malformed"),
    ]
    for token, reason in cases:
        assert await desk.refused(token) == (401, reason), token


async def test_the_name_of_a_key_does_not_help_another_key(provider: Provider, desk: Desk) -> None:
    provider.keys["other"] = RSA_KEYS[1]
    forged = provider.token("other", header={"kid": "first"})
    assert await desk.refused(forged) == (401, "signature")


async def test_a_new_key_is_fetched_when_a_token_names_it_and_an_old_one_goes(provider: Provider, desk: Desk) -> None:
    old = provider.token()
    await desk.caller(old)
    provider.keys = {"second": RSA_KEYS[1]}
    desk.moved += FIRST_WAIT
    assert (await desk.caller(provider.token("second"))).roles == ("analyst",)
    assert provider.fetched == 2
    provider.keys["first"] = RSA_KEYS[0]
    another = provider.token(sub="another")
    del provider.keys["first"]
    assert await desk.refused(another) == (401, "unknown_key")


async def test_made_up_key_names_cost_the_provider_one_request_in_ten_seconds(provider: Provider, desk: Desk) -> None:
    await desk.caller(provider.token())
    desk.moved += FIRST_WAIT
    for number in range(50):
        assert await desk.refused(provider.token(header={"kid": f"made-up-{number}"})) == (401, "unknown_key")
    await asyncio.gather(*(desk.refused(provider.token(header={"kid": f"at-once-{number}"})) for number in range(20)))
    assert provider.fetched == 2


async def test_the_first_callers_at_once_fetch_the_keys_once(provider: Provider, desk: Desk) -> None:
    found = await asyncio.gather(*(desk.caller(provider.token(sub=f"caller {number}")) for number in range(20)))
    assert len({each.name for each in found}) == 20
    assert provider.fetched == 1


async def test_without_the_provider_known_keys_go_on_and_unknown_ones_are_not_called_wrong(provider: Provider, desk: Desk) -> None:
    await desk.caller(provider.token())
    provider.status = 503
    desk.moved += jwks.REFRESH_SECONDS_MAX + 1
    assert (await desk.caller(provider.token(sub="later"))).name == "oidc:later"
    assert (await desk.refused(provider.token(header={"kid": "new"})))[0] == 503
    provider.status = 200
    provider.keys["new"] = RSA_KEYS[1]
    desk.moved += FIRST_WAIT
    assert (await desk.caller(provider.token("new"))).roles == ("analyst",)


async def test_before_any_key_was_fetched_nothing_can_be_told(provider: Provider, desk: Desk) -> None:
    provider.status = 500
    assert (await desk.refused(provider.token()))[0] == 503


async def test_a_withdrawn_key_counts_no_more_after_a_while(provider: Provider, desk: Desk) -> None:
    token = provider.token(exp=int(time.time()) + 100_000)
    await desk.caller(token)
    provider.keys = {"second": RSA_KEYS[1]}
    desk.moved += jwks.REFRESH_SECONDS_MAX + 1
    await desk.caller(token)  # the keys are fetched beside it
    while provider.fetched < 2:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    desk.moved += jwks.REFRESH_SECONDS_MAX + 1
    assert await desk.refused(token) == (401, "unknown_key")


async def test_a_known_token_is_not_verified_again_until_its_end(provider: Provider, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    token = provider.token(exp=int(time.time()) + 60)
    header = f"Bearer {token}".encode()
    await desk.caller(token)
    assert desk.authenticator.known(header) is not None
    desk.moved += 61
    assert desk.authenticator.known(header) is None


async def test_keys_that_are_not_for_this_are_passed_over(provider: Provider, desk: Desk) -> None:
    weak = rsa.generate_private_key(65_537, 1_024)
    provider.more = [
        public("weak", weak), public("encrypts", RSA_KEYS[1]) | {"use": "enc"}, public("other", RSA_KEYS[1]) | {"alg": "RS512"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric"}, {"kty": "RSA", "kid": "broken", "n": "?", "e": "AQAB"}, {"kid": 7}, "nonsense",
    ]  # type: ignore[list-item]  # fmt: skip
    await desk.caller(provider.token())
    provider.keys |= dict.fromkeys(("weak", "encrypts", "other"), RSA_KEYS[1])
    tokens = [provider.token(id) for id in ("weak", "encrypts", "other")]
    assert [await desk.refused(token) for token in tokens] == [(401, "unknown_key")] * 3


def test_roles_are_found_where_the_claim_says() -> None:
    claims = {"realm": {"roles": ["a", 7, "b"]}, "https://x.example/roles": ["c"], "scope": "d e"}
    assert claimed_roles(claims, "realm.roles") == ["a", "b"]
    assert claimed_roles(claims, "https://x.example/roles") == ["c"]
    assert claimed_roles(claims, "scope") == ["d", "e"]
    assert claimed_roles(claims, "realm.roles.deeper") == claimed_roles(claims, "none") == []


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        (Settings(oidc_issuer="https://x.example", oidc_roles="a=admin"), "no audience"),
        (Settings(oidc_issuer="https://x.example", oidc_audience="weir"), "no roles"),
        (Settings(oidc_issuer="https://x.example", oidc_audience="weir", oidc_roles="a=root"), "bad role"),
        (Settings(oidc_issuer="https://x.example", oidc_audience="weir", oidc_roles="admin"), "bad role"),
    ],
)
def test_settings_that_would_let_in_nobody_or_anybody_are_refused(settings: Settings, what: str) -> None:
    with pytest.raises(Refusal, match=what):
        read_rules(settings)


@pytest.mark.parametrize("url", ["http://x.example", "ftp://127.0.0.1", "x.example", "http://127.0.0.1.x.example"])
def test_keys_are_not_fetched_where_somebody_may_answer_in_between(url: str) -> None:
    with pytest.raises(Refusal, match="not safe"):
        Keys(url, "", time.monotonic)
    with pytest.raises(Refusal, match="not safe"):
        Keys("https://x.example", url, time.monotonic)
