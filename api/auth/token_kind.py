"""Which JWTs are access tokens: an ID token says who signed in to a client, and lets nobody into an API (RFC 9068, section 4)."""

from collections.abc import Mapping
from typing import Any

_ACCESS_TYPES = ("at+jwt", "application/at+jwt")
_PLAIN_TYPES = ("", "jwt")
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash", "s_hash", "events")
"""Claims that OpenID Connect gives to ID tokens, and to logout tokens, alone."""
_OF_ACCESS_TOKENS = ("scope", "scp", "client_id")
"""Claims that say what a client may do: of RFC 9068 and of the providers that do not name the type."""


def is_access_token(header: Mapping[str, Any], claims: Mapping[str, Any], untyped: str = "refuse") -> bool:
    """Whether a verified JWT was made to be shown to an API.

    The type in the header decides where it is given. Providers that leave it out (Keycloak, Cognito, Entra, Auth0, Okta) say it in a
    claim of their own, or show it by the claims that they add.

    Args:
        header: of the JWT.
        claims: of the JWT.
        untyped: ``accept`` takes a token that says neither that it is an access token nor that it is another one.
    """
    kind = str(header.get("typ", "")).lower()
    if kind in _ACCESS_TYPES:
        return True
    if kind not in _PLAIN_TYPES or any(name in claims for name in _OF_ID_TOKENS):
        return False
    said = str(claims.get("token_use") or claims.get("typ") or "").lower()
    if said:
        return said in ("access", "bearer")
    return untyped == "accept" or any(name in claims for name in _OF_ACCESS_TOKENS)
