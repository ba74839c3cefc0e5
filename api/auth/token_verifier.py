"""Verifies API tokens by looking them up in their store."""

import functools

from api.auth.bounded_lookups import BoundedLookups
from api.auth.cached_credential import Credential, Rejected
from api.auth.permissions import caller
from api.kafka.log import Clock
from stores.tokens import StoredToken, Tokens, token_hash


class StoredTokenVerifier:
    """Verifies stored tokens; see `api.auth.cached_credential.TokenVerifier`.

    Args:
        tokens: the store of tokens.
        clock: seconds since the epoch.
    """

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._lookups = BoundedLookups("tokens")

    def takes(self, token: str) -> bool:
        return True

    async def verify(self, token: str) -> Credential:
        hash = token_hash(token)
        stored = require_valid(await self._lookups.ask(functools.partial(self._tokens.by_hash, hash)), self._clock())
        expires_at = None if stored.expires_at_ms is None else stored.expires_at_ms / 1000
        return Credential(caller(stored.name, stored.roles), hash, expires_at, may_be_revoked=True)

    async def close(self) -> None:
        self._lookups.close()


def require_valid(stored: StoredToken | None, now: float) -> StoredToken:
    """The stored token if it is valid at `now`, seconds since the epoch.

    Raises:
        Rejected: there is none, or it was revoked or has expired.
    """
    if stored is None:
        raise Rejected("unknown")
    if stored.revoked_at_ms is not None:
        raise Rejected("revoked")
    if stored.expires_at_ms is not None and stored.expires_at_ms <= now * 1000:
        raise Rejected("expired")
    return stored
