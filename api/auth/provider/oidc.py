"""Verifies bearer tokens of an identity provider: signed JWTs whose claims give the caller's name and roles."""

from typing import Any

import jwt
import msgspec

from api.auth.cached_credential import Credential, Rejected
from api.auth.permissions import ROLES, caller
from api.auth.provider.jwks import Keys
from api.auth.token_kind import is_access_token
from foundation.refusal import Refusal
from foundation.settings import Settings

LEEWAY_SECONDS = 10
NAME_CHARACTERS_MAX = 200
NAMED = "oidc:"
"""The names of these callers begin with this prefix, so that none can be mistaken for the name of an API token."""
_REQUIRED = ["exp", "iss", "aud"]
_REASONS = {
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not_yet",
    jwt.InvalidAudienceError: "audience",
    jwt.InvalidIssuerError: "issuer",
    jwt.InvalidSignatureError: "signature",
    jwt.MissingRequiredClaimError: "claims",
}


class Rules(msgspec.Struct, frozen=True):
    """The claims that a JWT must have, and what they mean.

    Args:
        issuer: the issuer that the JWT must be from.
        audience: the audience that it must be for.
        name_claim: the claim whose value is the caller's name.
        roles_claim: the claim whose values are looked up in `roles`; a dot goes into an object.
        roles: the roles in Weir, by the value of the claim.
        untyped: ``accept`` or ``refuse`` for a token that does not say what it is for; see `api.auth.token_kind`.
    """

    issuer: str
    audience: str
    name_claim: str
    roles_claim: str
    roles: dict[str, tuple[str, ...]]
    untyped: str = "refuse"


class OidcVerifier:
    """Verifies JWTs; see `api.auth.cached_credential.TokenVerifier`.

    Each key is used with its own algorithm, RS256 or ES256, and a token that names another one is rejected.
    """

    def __init__(self, rules: Rules, keys: Keys) -> None:
        self._rules = rules
        self._keys = keys

    def takes(self, token: str) -> bool:
        return token.startswith("eyJ") and token.count(".") == 2

    async def verify(self, token: str) -> Credential:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError) as error:
            raise Rejected("malformed") from error
        if header.get("alg") not in ("RS256", "ES256"):
            raise Rejected("algorithm")
        id = header.get("kid")
        if not isinstance(id, str):
            raise Rejected("unknown_key")
        key = await self._keys.key(id)
        if header["alg"] != key.algorithm:
            raise Rejected("algorithm")
        claims = self._claims(token, key.key, key.algorithm)
        if not is_access_token(header, claims, self._rules.untyped):
            raise Rejected("no_access_token")
        name = claims.get(self._rules.name_claim)
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= NAME_CHARACTERS_MAX:
            raise Rejected("claims")
        roles = [role for value in claimed_roles(claims, self._rules.roles_claim) for role in self._rules.roles.get(value, ())]
        return Credential(caller(NAMED + name, roles), f"key {id}", float(claims["exp"]), may_be_revoked=False)

    async def close(self) -> None:
        await self._keys.close()

    def _claims(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._rules.audience,
                issuer=self._rules.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Rejected(_REASONS.get(type(error), "malformed")) from error


def claimed_roles(claims: dict[str, Any], name: str) -> list[str]:
    """The values of the claim `name`, which is a list of texts or one text with spaces between the values.

    When no claim has this name, each dot in it goes into an object: ``realm_access.roles``.
    """
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, str):
        return found.split()
    return [value for value in found if isinstance(value, str)] if isinstance(found, list) else []


def read_rules(settings: Settings) -> Rules:
    """Reads the rules from the settings.

    Raises:
        Refusal: there is no audience, no role for any value, or a role that does not exist.
    """
    if not settings.oidc_audience:
        expected = "the audience that tokens of WEIR_OIDC_ISSUER are for"
        raise Refusal("no audience", where="WEIR_OIDC_AUDIENCE", expected=expected, got="an empty setting")
    roles: dict[str, tuple[str, ...]] = {}
    for pair in filter(None, map(str.strip, settings.oidc_roles.split(","))):
        value, _, role = pair.rpartition("=")
        if not value or role not in ROLES:
            expected = f"value=role pairs separated by commas, where a role is one of {', '.join(ROLES)}"
            raise Refusal("bad role", where="WEIR_OIDC_ROLES", expected=expected, got=pair[:200])
        roles[value] = (*roles.get(value, ()), role)
    if not roles:
        raise Refusal("no roles", where="WEIR_OIDC_ROLES", expected="value=role pairs separated by commas", got="an empty setting")
    claims = (settings.oidc_name_claim, settings.oidc_roles_claim)
    return Rules(settings.oidc_issuer, settings.oidc_audience, *claims, roles, settings.oidc_untyped)
