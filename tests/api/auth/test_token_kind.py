"""Tokens as identity providers make them: access tokens count, those that say who signed in do not."""

import pytest

from api.auth.token_kind import is_access_token

PLAIN = {"alg": "RS256", "typ": "JWT", "kid": "k"}
ACCESS = {
    "RFC 9068": ({"typ": "at+jwt"}, {"client_id": "app", "jti": "1"}),
    "RFC 9068, long": ({"typ": "application/at+JWT"}, {}),
    "Keycloak": (PLAIN, {"typ": "Bearer", "azp": "app", "scope": "openid", "sid": "s"}),
    "Auth0": (PLAIN, {"azp": "app", "scope": "read:scores"}),
    "Entra": (PLAIN, {"azp": "app", "scp": "access_as_user", "ver": "2.0"}),
    "Okta": ({"alg": "RS256", "kid": "k"}, {"cid": "app", "scp": ["weir"], "ver": 1}),
    "Cognito": ({"alg": "RS256", "kid": "k"}, {"token_use": "access", "client_id": "app", "scope": "weir"}),
}
OTHERS = {
    "with a nonce": (PLAIN, {"nonce": "n", "scope": "weir"}),
    "with the hash of an access token": (PLAIN, {"at_hash": "x", "scope": "weir"}),
    "with the hash of a code": (PLAIN, {"c_hash": "x"}),
    "Keycloak, signed in": (PLAIN, {"typ": "ID", "azp": "weir", "scope": "openid"}),
    "Keycloak, refresh": (PLAIN, {"typ": "Refresh", "scope": "openid"}),
    "Cognito, signed in": ({"alg": "RS256"}, {"token_use": "id"}),
    "logout": ({"typ": "logout+jwt"}, {"events": {}}),
    "logout without a type": (PLAIN, {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
    "a proof of possession": ({"typ": "dpop+jwt"}, {"scope": "weir"}),
}


@pytest.mark.parametrize("name", ACCESS)
def test_an_access_token_counts(name: str) -> None:
    assert is_access_token(*ACCESS[name])


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("untyped", ["refuse", "accept"])
def test_another_token_does_not_count_whatever_the_setting(name: str, untyped: str) -> None:
    assert not is_access_token(*OTHERS[name], untyped)


def test_a_token_that_does_not_say_what_it_is_for_counts_by_the_setting() -> None:
    assert not is_access_token(PLAIN, {"sub": "ann", "groups": ["fraud-desk"]})
    assert is_access_token(PLAIN, {"sub": "ann", "groups": ["fraud-desk"]}, "accept")
