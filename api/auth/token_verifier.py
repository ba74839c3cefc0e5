"""Verifies API tokens by looking them up in their store, in threads of its own, so that a slow store blocks no other work."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from api.auth.cached_credential import Credential, Rejected, VerifierUnavailableError
from api.auth.permissions import caller
from api.kafka.log import Clock
from stores.decisions import StoreUnavailableError
from stores.tokens import StoredToken, Tokens, token_hash

THREADS = 4
LOOKUP_SECONDS_MAX = 2.0
IN_FLIGHT_MAX = 64


class StoredTokenVerifier:
    """Verifies stored tokens; see `api.auth.cached_credential.TokenVerifier`.

    At most `IN_FLIGHT_MAX` look-ups run at a time; further ones are unavailable at once.

    Args:
        tokens: the store of tokens.
        clock: seconds since the epoch.
    """

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, "tokens")
        self._in_flight = 0
        self._closed = False

    def takes(self, token: str) -> bool:
        return True

    async def verify(self, token: str) -> Credential:
        if self._closed or self._in_flight >= IN_FLIGHT_MAX:
            raise VerifierUnavailableError("this process is ending" if self._closed else f"{IN_FLIGHT_MAX} look-ups of tokens are waiting")
        hash = token_hash(token)
        try:
            stored = await asyncio.wait_for(asyncio.shield(self._ask(hash)), LOOKUP_SECONDS_MAX)
        except TimeoutError as error:
            raise VerifierUnavailableError(f"the store of tokens did not answer within {LOOKUP_SECONDS_MAX:g} s") from error
        except StoreUnavailableError as error:
            raise VerifierUnavailableError(f"the store of tokens does not answer: {error}") from error
        if stored is None:
            raise Rejected("unknown")
        if stored.revoked_at_ms is not None:
            raise Rejected("revoked")
        if stored.expires_at_ms is not None and stored.expires_at_ms <= self._clock() * 1000:
            raise Rejected("expired")
        expires_at = None if stored.expires_at_ms is None else stored.expires_at_ms / 1000
        return Credential(caller(stored.name, stored.roles), hash, expires_at, may_be_revoked=True)

    def _ask(self, hash: str) -> "asyncio.Future[StoredToken | None]":
        """Starts a look-up, which counts as in flight until its thread ends, even if nobody waits for it any more."""
        asked = asyncio.get_running_loop().run_in_executor(self._threads, self._tokens.by_hash, hash)
        self._in_flight += 1
        asked.add_done_callback(self._answered)
        return asked

    def _answered(self, asked: "asyncio.Future[StoredToken | None]") -> None:
        self._in_flight -= 1
        if not asked.cancelled():
            asked.exception()  # retrieved so that asyncio does not log it: whoever waited got it, or has gone

    async def close(self) -> None:
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
