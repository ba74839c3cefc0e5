"""Finds out who calls: a bearer token is verified once and then cached for some seconds, so a request costs one hash and one look-up."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import msgspec

from api.auth.cached_credential import Credential, Rejected, TokenVerifier, VerifierUnavailableError, bearer
from api.auth.permissions import Caller
from api.auth.rejection_log import RejectionLog
from api.http.problem import Problem
from api.http.problem_types import VERIFIER_AWAY
from api.kafka.log import Clock

log = logging.getLogger(__name__)

RENEW_SECONDS = 2.0
"""After this time a token in use is verified again in the background, while its requests go on."""
REVOKED_SECONDS_MAX = 5.0
"""A token that another process revoked is refused after this time at the latest, as long as the store answers."""
STALE_SECONDS_MAX = 3_600.0
"""While the store of tokens is down, a token stays valid for this time after its last verification. That is far longer than an outage of
ten minutes, during which no decision may fail. A token can only be revoked by a process that reaches the store."""
SIGNED_SECONDS_MAX = 60.0
"""A signed token (JWT) is verified again after this time, because its provider may have withdrawn the key."""
RETRY_SECONDS = 1.0
KNOWN_MAX = 10_000

Value = TypeVar("Value")
Question: TypeAlias = "asyncio.Task[Caller | Rejected | VerifierUnavailableError]"

_INVALID = b'Bearer realm="weir", error="invalid_token"'


class CachedCredential(msgspec.Struct):
    """A caller whose token was verified; all times are seconds of the monotonic clock.

    Args:
        caller: who the token belongs to.
        source: what verified the token, see `Credential`.
        renew_at: from this time on, the next use starts another verification in the background.
        until: from this time on, the next use waits for another verification.
        last_resort: until this time the token stays valid while its verifier is unavailable.
    """

    caller: Caller
    source: str
    renew_at: float
    until: float
    last_resort: float


class Authenticator:
    """Finds out who calls by the header ``Authorization``. Only the event loop's thread may use it.

    Args:
        verifiers: asked in order; the first one that takes a token decides.
        count: is called with the reason of each rejected request.
        clock: seconds since the epoch.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(
        self, verifiers: Sequence[TokenVerifier], count: Callable[[str], None], clock: Clock, monotonic: Clock = time.monotonic
    ) -> None:
        self._verifiers = verifiers
        self._count = count
        self._clock = clock
        self._monotonic = monotonic
        self._known: dict[bytes, CachedCredential] = {}
        self._refused: dict[bytes, tuple[str, float]] = {}
        self._asked: dict[bytes, Question] = {}
        self._forgotten = 0
        self._log = RejectionLog(monotonic)

    def known(self, authorization: bytes | None) -> Caller | None:
        """The caller with this header ``Authorization`` when it is cached; None means that `identify` has to be called."""
        if authorization is None:
            return None
        # The table's keys are hashes of tokens, so that the time of a look-up reveals nothing about a token.
        key = hashlib.sha256(authorization).digest()
        known = self._known.get(key)
        if known is None:
            return None
        now = self._monotonic()
        if now >= known.renew_at:
            if now >= known.until:
                return None
            known.renew_at = min(now + RETRY_SECONDS, known.until)
            self._ask(key, bearer(authorization))
        return known.caller

    async def identify(self, authorization: bytes | None, peer: str) -> Caller:
        """The caller with this header ``Authorization``, verified if need be; `peer` is where the request came from, for the log.

        Raises:
            Problem: 401, the token is missing or not valid; 503, it cannot be verified now.
        """
        try:
            token = bearer(authorization)
        except Rejected as rejected:
            raise self._rejected(rejected, peer) from None
        key = hashlib.sha256(authorization or b"").digest()
        reason, until = self._refused.get(key, ("", 0.0))
        found = Rejected(reason) if self._monotonic() < until else await asyncio.shield(self._ask(key, token))
        if isinstance(found, Rejected):
            raise self._rejected(found, peer)
        if isinstance(found, VerifierUnavailableError):
            self._log.note("unavailable", peer, str(found))
            # The caller is unknown, so the answer says nothing about the store; the log does.
            raise Problem(503, "the token cannot be verified now; try again", [(b"retry-after", b"1")], type=VERIFIER_AWAY)
        return found

    def refuse(self, reason: str, peer: str) -> Problem:
        """The answer 401 to a request from `peer` that holds no token that could be verified; it is counted under `reason`."""
        return self._rejected(Rejected(reason), peer)

    def forget(self, source: str) -> None:
        """Drops the cached credentials of `source`, and the results of verifications that are running now, so that each is done again."""
        self._forgotten += 1
        self._asked.clear()
        for key in [key for key, known in self._known.items() if known.source == source]:
            del self._known[key]

    async def close(self) -> None:
        """Closes the verifiers."""
        for verifier in self._verifiers:
            await verifier.close()

    def _ask(self, key: bytes, token: str) -> Question:
        """Starts the verification of a token, or joins the one that is running: there is at most one at a time for a token."""
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._verify(key, token))
            asked.add_done_callback(lambda done: self._answered(key, done))
        return asked

    def _answered(self, key: bytes, done: Question) -> None:
        if self._asked.get(key) is done:
            del self._asked[key]

    async def _verify(self, key: bytes, token: str) -> Caller | Rejected | VerifierUnavailableError:
        began, forgotten = self._monotonic(), self._forgotten
        verifier = next(verifier for verifier in self._verifiers if verifier.takes(token))
        try:
            credential = await verifier.verify(token)
        except Rejected as rejected:
            self._known.pop(key, None)
            _keep(self._refused, key, (rejected.reason, began + REVOKED_SECONDS_MAX))
            return rejected
        except VerifierUnavailableError as error:
            return self._go_on(key) or error
        except Exception:  # each kind of store raises its own errors, and perhaps no request waits to report this one
            log.exception("a token could not be verified")
            return self._go_on(key) or VerifierUnavailableError("the verification failed; the log of the api says why")
        if forgotten == self._forgotten:  # otherwise the token may have been revoked during the look-up
            self._known.pop(key, None)
            _keep(self._known, key, self._cached(credential, began))
        return credential.caller

    def _cached(self, credential: Credential, began: float) -> CachedCredential:
        left = float("inf") if credential.expires_at is None else credential.expires_at - self._clock()
        if not credential.may_be_revoked:
            end = self._monotonic() + min(left, SIGNED_SECONDS_MAX)
            return CachedCredential(credential.caller, credential.source, end, end, end)
        end = self._monotonic() + left
        times = (min(began + seconds, end) for seconds in (RENEW_SECONDS, REVOKED_SECONDS_MAX, STALE_SECONDS_MAX))
        return CachedCredential(credential.caller, credential.source, *times)

    def _go_on(self, key: bytes) -> Caller | None:
        now, known = self._monotonic(), self._known.get(key)
        if known is None or now >= known.last_resort:
            return None
        known.renew_at = min(now + RETRY_SECONDS, known.last_resort)
        known.until = min(now + REVOKED_SECONDS_MAX, known.last_resort)
        return known.caller

    def _rejected(self, rejected: Rejected, peer: str) -> Problem:
        self._count(rejected.reason)
        self._log.note(rejected.reason, peer)
        challenge = b'Bearer realm="weir"' if rejected.reason == "missing" else _INVALID
        text = "the request needs a valid bearer token, and its token is missing, unknown, revoked or expired"
        return Problem(401, text, [(b"www-authenticate", challenge)])


def _keep(table: dict[bytes, Value], key: bytes, value: Value) -> None:
    """Adds an item; when there are more than `KNOWN_MAX`, the oldest one is dropped."""
    table[key] = value
    if len(table) > KNOWN_MAX:
        del table[next(iter(table))]
