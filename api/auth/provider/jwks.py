"""The public keys of an identity provider: fetched when they are needed, and kept while the provider is down."""

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from api.auth.cached_credential import Rejected, VerifierUnavailableError
from api.auth.provider.provider_documents import configuration_of, fetch_json
from api.kafka.log import Clock
from foundation.refusal import Refusal

log = logging.getLogger(__name__)

REFRESH_SECONDS_MIN = 10.0
"""The least time between two fetches, so that tokens with made-up key ids cannot make this process flood the provider."""
REFRESH_SECONDS_MAX = 180.0
"""Keys older than this are fetched again in the background. A key that its provider has withdrawn stays valid for at most this time and
twice `api.auth.authenticator.SIGNED_SECONDS_MAX`, five minutes in all, as long as the provider answers."""
FETCH_SECONDS_MAX = 3.0
RSA_BITS_MIN = 2_048
LOCAL = ("127.0.0.1", "localhost", "::1")
"""Hosts of this machine, which nobody on the network can answer for."""


class Key(msgspec.Struct, frozen=True):
    """A public key, and the only algorithm that it may be used with."""

    key: Any
    algorithm: str


class Keys:
    """Public keys by id. Only the event loop's thread may use it.

    Args:
        issuer: the URL of the provider, which names the URL of its keys in ``/.well-known/openid-configuration``.
        jwks_url: the URL of the keys; '' means that the issuer is asked for it.
        monotonic: seconds of a clock that never goes back.

    Raises:
        Refusal: the URL is neither https nor one of this machine.
    """

    def __init__(self, issuer: str, jwks_url: str, monotonic: Clock) -> None:
        first = require_private(jwks_url or issuer)
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._monotonic = monotonic
        # A provider on this machine is reached directly, and not through the proxy that the environment may name.
        self._client = httpx.AsyncClient(timeout=FETCH_SECONDS_MAX, trust_env=urlsplit(first).hostname not in LOCAL)
        self._keys: dict[str, Key] = {}
        self._tried_at = float("-inf")
        self._fetched_at = float("-inf")
        self._problem = "not asked yet"
        self._one = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    async def key(self, id: str) -> Key:
        """The key with this id. For an unknown id the keys are fetched, at most once every `REFRESH_SECONDS_MIN`.

        Raises:
            Rejected: the provider has no such key.
            VerifierUnavailableError: the key is unknown, and the provider does not answer.
        """
        now = self._monotonic()
        if id in self._keys:
            if now - self._fetched_at > REFRESH_SECONDS_MAX and now - self._tried_at > REFRESH_SECONDS_MIN:
                self._refresh = self._refresh if self._refresh and not self._refresh.done() else asyncio.create_task(self._fetch_once())
            return self._keys[id]
        await self._fetch_once()
        if id in self._keys:
            return self._keys[id]
        if self._problem:
            raise VerifierUnavailableError(f"the identity provider does not answer: {self._problem}")
        raise Rejected("unknown_key")

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _fetch_once(self) -> None:
        async with self._one:
            if self._monotonic() - self._tried_at < REFRESH_SECONDS_MIN:
                return
            self._tried_at = self._monotonic()
            try:
                self._keys = read_keys(await fetch_json(self._client, self._jwks_url or await self._discovered()))
                self._fetched_at = self._monotonic()
                self._problem = ""
            except (httpx.HTTPError, ValueError, Refusal, msgspec.MsgspecError) as error:
                self._problem = str(error) or type(error).__name__
                log.warning("the keys of %s could not be fetched: %s", self._issuer, self._problem)

    async def _discovered(self) -> str:
        return require_private(str((await configuration_of(self._client, self._issuer)).get("jwks_uri")))


def read_keys(document: dict[str, Any]) -> dict[str, Key]:
    """Reads a JWKS: gives its public signature keys by id, RSA of at least 2048 bits and EC P-256, and passes over all others.

    Raises:
        ValueError: it is not a JWKS, or has no such key.
    """
    given = document.get("keys")
    found = {}
    for each in given if isinstance(given, list) else ():
        algorithm = _algorithm(each) if isinstance(each, dict) else ""
        if algorithm and isinstance(each.get("kid"), str):
            try:
                key = jwt.PyJWK(each, algorithm).key
            except (jwt.PyJWTError, ValueError) as error:
                log.warning("a key of the identity provider is passed over: %s", error)
                continue
            if not isinstance(key, RSAPublicKey) or key.key_size >= RSA_BITS_MIN:
                found[each["kid"]] = Key(key, algorithm)
    if not found:
        raise ValueError("the identity provider has no key with an id that is RSA of at least 2048 bits or EC P-256")
    return found


def require_private(url: str) -> str:
    """Gives `url` back when nobody on the network can answer in its place: it is https, or of this machine.

    Raises:
        Refusal: it is neither.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL):
        return url
    raise Refusal("the identity provider's URL is not safe", where="WEIR_OIDC_ISSUER", expected="a URL with https", got=url[:200])


def _algorithm(key: dict[str, Any]) -> str:
    """The algorithm of a public signature key; '' for a key that is not accepted."""
    if key.get("use", "sig") != "sig" or "d" in key:
        return ""
    kind = "RS256" if key.get("kty") == "RSA" else "ES256" if (key.get("kty"), key.get("crv")) == ("EC", "P-256") else ""
    return kind if key.get("alg", kind) == kind else ""
