"""The owner from the process's start on: proved by the token itself until the stores have it, which may be away."""

import asyncio
import hmac
import logging

from api.auth.cached_credential import Proof
from api.auth.noted import note_once
from api.auth.permissions import caller
from api.auth.token import OWNER, install_owner, is_owners, require_length
from api.http.retry import settled
from api.kafka.log import Clock
from foundation.refusal import Refusal
from stores.audit import Audit, Fact
from stores.tokens import Tokens, token_hash

log = logging.getLogger(__name__)

ROLES = ("admin",)


class Owner:
    """See `api.auth.cached_credential.Prover`: takes the owner's token alone, and none any more once the store says what it is worth.

    Until then nobody can know whether it was revoked.

    Args:
        tokens: where it is to be kept.
        audit: where it is written down that it changed.
        token: the owner's.
        clock: seconds since the epoch.

    Raises:
        Refusal: the token is too short.
    """

    def __init__(self, tokens: Tokens, audit: Audit, token: str, clock: Clock) -> None:
        require_length(token)
        self._tokens = tokens
        self._audit = audit
        self._token = token
        self._hash = token_hash(token)
        self._clock = clock
        self._changed: Fact | None = None
        self.kept = False

    def keep(self) -> None:
        """Makes the token the owner's, which comes from outside: that it changed is in the log all the same. Blocks.

        Raises:
            Refusal: it is somebody else's; it counts as that from now on.
            StoreUnavailableError: a store is away: to be called again.
        """
        if not self.kept and not is_owners(self._tokens, self._token):
            at_ms = int(self._clock() * 1000)
            # Said before it is done: a change that no answer came to may have been made.
            self._changed = self._changed or Fact(at_ms, OWNER, ROLES, "start", "outcome", subject="token owner")
            self._install(at_ms)
        self.kept = True
        if self._changed:
            note_once(self._audit, self._changed)
            self._changed = None

    async def settle(self) -> None:
        """Calls `keep` until it is done, or refused, which the log of the process says then."""
        await settled(lambda: asyncio.to_thread(self._keep_or_tell), "the owner's token")

    def takes(self, token: str) -> bool:
        return not self.kept and hmac.compare_digest(token_hash(token), self._hash)

    async def prove(self, token: str) -> Proof:
        return Proof(caller(OWNER, ROLES), self._hash, None, may_be_revoked=True)

    async def close(self) -> None:
        """Holds no connection."""

    def _keep_or_tell(self) -> None:
        try:
            self.keep()
        except Refusal as refusal:
            log.error("the owner's token is not taken: %s", refusal)

    def _install(self, at_ms: int) -> None:
        try:
            install_owner(self._tokens, self._token, at_ms)
        except Refusal:
            self._changed, self.kept = None, True
            raise
