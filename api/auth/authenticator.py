"""Who calls: each bearer token is proved once and then known for some seconds, so that a request costs a hash and a look into a table."""

import asyncio
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import msgspec

from api.auth.cached_credential import Proof, Prover, ProverUnavailableError, Rejected, bearer
from api.auth.permissions import Caller
from api.auth.rejection_log import RejectionLog
from api.http.problem import Problem
from api.kafka.log import Clock

log = logging.getLogger(__name__)

RENEW_SECONDS = 2.0
"""After that a token in use is looked up again, beside its requests."""
REVOKED_SECONDS_MAX = 5.0
"""A token that was revoked by another process counts no longer than that, while the store answers."""
STALE_SECONDS_MAX = 3_600.0
"""Tokens that were proved within that time go on while the store does not answer: far beyond an outage of ten minutes, in which no
decision may fail. What is revoked meanwhile was revoked through a process that does reach the store."""
SIGNED_SECONDS_MAX = 60.0
"""A token that is proved by its signature is looked at again after that, for the key may have been withdrawn."""
RETRY_SECONDS = 1.0
KNOWN_MAX = 10_000

Value = TypeVar("Value")
Question: TypeAlias = "asyncio.Task[Caller | Rejected | ProverUnavailableError]"

_INVALID = b'Bearer realm="weir", error="invalid_token"'


class Known(msgspec.Struct):
    """A caller that was proved; the times are of a clock that never goes back, in seconds."""

    caller: Caller
    source: str
    renew_at: float
    until: float
    last_resort: float


class Gate:
    """Belongs to the event loop.

    Args:
        provers: asked in order; the first that takes a token decides.
        failures: counts what was refused, by reason.
        clock: seconds since the epoch.
        monotonic: seconds, never going back.
    """

    def __init__(self, provers: Sequence[Prover], failures: Counter[str], clock: Clock, monotonic: Clock = time.monotonic) -> None:
        self._provers = provers
        self._failures = failures
        self._clock = clock
        self._monotonic = monotonic
        self._known: dict[bytes, Known] = {}
        self._refused: dict[bytes, tuple[str, float]] = {}
        self._asked: dict[bytes, Question] = {}
        self._forgotten = 0
        self._log = RejectionLog(monotonic)

    def known(self, authorization: bytes | None) -> Caller | None:
        """The caller of a header ``Authorization`` that was proved a moment ago; None: ask `identify`."""
        if authorization is None:
            return None
        # Tables are looked into by hashes of tokens, so that no time taken tells anything of a token.
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
        """The caller of a header ``Authorization``, proved if need be; `peer` is where the request came from, for the log.

        Raises:
            Problem: 401, the token does not count; 503, that cannot be found out now.
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
        if isinstance(found, ProverUnavailableError):
            self._log.note("unavailable", peer, str(found))
            # Whoever asks is not known, so it is told nothing of the store; the log has it.
            raise Problem(503, "who calls cannot be found out now", [(b"retry-after", b"1")])
        return found

    def refuse(self, reason: str, peer: str) -> Problem:
        """401 for a request from `peer` that has no token to prove, counted under `reason`."""
        return self._rejected(Rejected(reason), peer)

    def forget(self, source: str) -> None:
        """Whatever was proved by `source` is proved anew from now on, also where that is being done just now."""
        self._forgotten += 1
        self._asked.clear()
        for key in [key for key, known in self._known.items() if known.source == source]:
            del self._known[key]

    async def close(self) -> None:
        """Lets the provers go."""
        for prover in self._provers:
            await prover.close()

    def _ask(self, key: bytes, token: str) -> Question:
        """One question at a time for a token, whoever waits for it."""
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._prove(key, token))
            asked.add_done_callback(lambda done: self._answered(key, done))
        return asked

    def _answered(self, key: bytes, done: Question) -> None:
        if self._asked.get(key) is done:
            del self._asked[key]

    async def _prove(self, key: bytes, token: str) -> Caller | Rejected | ProverUnavailableError:
        began, forgotten = self._monotonic(), self._forgotten
        prover = next(prover for prover in self._provers if prover.takes(token))
        try:
            proof = await prover.prove(token)
        except Rejected as rejected:
            self._known.pop(key, None)
            _keep(self._refused, key, (rejected.reason, began + REVOKED_SECONDS_MAX))
            return rejected
        except ProverUnavailableError as error:
            return self._go_on(key) or error
        except Exception:  # whatever store it is: nobody may wait for this answer who could be told
            log.exception("a token could not be proved")
            return self._go_on(key) or ProverUnavailableError("the fault is in the log of the api")
        if forgotten == self._forgotten:  # else it may have been revoked while the store was asked
            self._known.pop(key, None)
            _keep(self._known, key, self._known_of(proof, began))
        return proof.caller

    def _known_of(self, proof: Proof, began: float) -> Known:
        left = float("inf") if proof.expires_at is None else proof.expires_at - self._clock()
        if not proof.may_be_revoked:
            end = self._monotonic() + min(left, SIGNED_SECONDS_MAX)
            return Known(proof.caller, proof.source, end, end, end)
        end = self._monotonic() + left
        times = (min(began + seconds, end) for seconds in (RENEW_SECONDS, REVOKED_SECONDS_MAX, STALE_SECONDS_MAX))
        return Known(proof.caller, proof.source, *times)

    def _go_on(self, key: bytes) -> Caller | None:
        now, known = self._monotonic(), self._known.get(key)
        if known is None or now >= known.last_resort:
            return None
        known.renew_at = min(now + RETRY_SECONDS, known.last_resort)
        known.until = min(now + REVOKED_SECONDS_MAX, known.last_resort)
        return known.caller

    def _rejected(self, rejected: Rejected, peer: str) -> Problem:
        self._failures[rejected.reason] += 1
        self._log.note(rejected.reason, peer)
        challenge = b'Bearer realm="weir"' if rejected.reason == "missing" else _INVALID
        return Problem(401, "a bearer token is needed, and this is none that counts", [(b"www-authenticate", challenge)])


def _keep(table: dict[bytes, Value], key: bytes, value: Value) -> None:
    """What came first goes first once there are too many."""
    table[key] = value
    if len(table) > KNOWN_MAX:
        del table[next(iter(table))]
