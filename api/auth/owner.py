"""The owner can call from the start of the process on: its token is verified here until the store of tokens, which may be down, has it."""

import asyncio
import hmac
import logging

from api.auth.cached_credential import Credential
from api.auth.noted import note_once
from api.auth.permissions import caller
from api.auth.token import OWNER, install_owner, is_owners, require_length
from api.http.retry import retry_until_done
from api.kafka.log import Clock
from foundation.refusal import Refusal
from stores.audit import Audit, Fact
from stores.tokens import Tokens, token_hash

log = logging.getLogger(__name__)

ROLES = ("admin",)


class Owner:
    """Verifies the owner's token until it is stored; see `api.auth.cached_credential.TokenVerifier`.

    Until then nobody can know whether the token was revoked. Afterwards the store decides, and this verifier takes no token any more.

    Args:
        tokens: the store that is to hold the token.
        audit: the audit log, which gets an entry when the token changed.
        token: the owner's token.
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
        """Stores the token as the owner's and writes to the audit log if it changed. Blocks.

        Raises:
            Refusal: another caller has this token; from now on it is verified as that caller's.
            StoreUnavailableError: a store does not answer; call this again.
        """
        if not self.kept and not is_owners(self._tokens, self._token):
            at_ms = int(self._clock() * 1000)
            # The fact is noted before the change is made, because a change whose answer is lost may have been made.
            self._changed = self._changed or Fact(at_ms, OWNER, ROLES, "start", "outcome", subject="token owner")
            self._install(at_ms)
        self.kept = True
        if self._changed:
            note_once(self._audit, self._changed)
            self._changed = None

    async def keep_until_done(self) -> None:
        """Calls `keep` until it returns or is refused; a refusal is logged."""
        await retry_until_done(lambda: asyncio.to_thread(self._keep_or_tell), "the owner's token")

    def takes(self, token: str) -> bool:
        return not self.kept and hmac.compare_digest(token_hash(token), self._hash)

    async def verify(self, token: str) -> Credential:
        return Credential(caller(OWNER, ROLES), self._hash, None, may_be_revoked=True)

    async def close(self) -> None:
        """Does nothing: there is no connection to close."""

    def _keep_or_tell(self) -> None:
        try:
            self.keep()
        except Refusal as refusal:
            log.error("the owner's token is refused: %s", refusal)

    def _install(self, at_ms: int) -> None:
        try:
            install_owner(self._tokens, self._token, at_ms)
        except Refusal:
            self._changed, self.kept = None, True
            raise
