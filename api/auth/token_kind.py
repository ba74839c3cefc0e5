"""Tells access tokens from other JWTs: an ID token says who signed in to a client, and must not open an API (RFC 9068, section 4)."""

from collections.abc import Mapping
from typing import Any

_ACCESS_TYPES = ("at+jwt", "application/at+jwt")
_PLAIN_TYPES = ("", "jwt")
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash", "s_hash", "events")
"""OpenID Connect puts these claims only into ID tokens and logout tokens."""
_OF_ACCESS_TOKENS = ("scope", "scp", "client_id")
"""These claims say what a client may do: RFC 9068 defines them, and so do providers that do not name the token's type."""


def is_access_token(header: Mapping[str, Any], claims: Mapping[str, Any], untyped: str = "refuse") -> bool:
    """Whether a verified JWT is an access token.

    The type in the header decides when it is there. Providers that leave it out (Keycloak, Cognito, Entra, Auth0, Okta) name it in a
    claim of their own, or it can be seen from the claims that they add.

    Args:
        header: the header of the JWT.
        claims: the claims of the JWT.
        untyped: what to do with a token whose type cannot be told: ``accept`` or ``refuse``.
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
