"""Middleware for the audit log: a change runs after its intent is in the log, and is answered after its outcome is."""

import asyncio
import hashlib
import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.permissions import CALLER, PEER, Caller, is_change
from api.auth.request_context import SUBJECT
from api.http.problem import Problem
from api.http.problem_types import AUDIT_LOG_AWAY
from api.http.request_body import read_body
from api.kafka.log import Clock
from stores.audit import Audit, Fact
from stores.decisions import StoreUnavailableError

log = logging.getLogger(__name__)

PATH_CHARACTERS_MAX = 500


class Audited:
    """ASGI middleware around `app` that writes changes to the audit log; requests that only read pass through.

    Args:
        audit: the audit log; while it does not take the intent, changes are answered with 503 and do not run.
        clock: seconds since the epoch.
    """

    def __init__(self, app: ASGIApp, audit: Audit, clock: Clock) -> None:
        self._app = app
        self._audit = audit
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_change(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        body = await read_body(receive)
        intent, number = await self._begin(scope, body)
        held = _HeldAnswer()
        running = asyncio.create_task(self._run(scope, body, held, intent, number))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        try:
            # The outcome is written even if the caller has closed the connection in the meantime.
            await asyncio.shield(running)
        except Exception:  # Starlette has answered an unexpected error already, and raises it as well
            await held.pass_on(send)
            raise
        await held.pass_on(send)

    async def _run(self, scope: Scope, body: bytes, held: "_HeldAnswer", intent: Fact, number: int) -> None:
        try:
            await self._app(scope, _ReadBody(body), held)
        finally:
            await self._end(scope, intent, number, held.status)

    async def _begin(self, scope: Scope, body: bytes) -> tuple[Fact, int]:
        try:
            return await asyncio.to_thread(self._write_intent, scope, body)
        except StoreUnavailableError as error:
            text = f"nothing was changed, because the audit log takes no entry now: {error}"
            raise Problem(503, text, [(b"retry-after", b"1")], type=AUDIT_LOG_AWAY) from error

    def _write_intent(self, scope: Scope, body: bytes) -> tuple[Fact, int]:
        caller: Caller = scope[CALLER]
        action = _short(f"{scope['method']} {scope['path']}")
        digest = hashlib.sha256(body).hexdigest()
        at_ms = int(self._clock() * 1000)
        intent = Fact(at_ms, caller.name, caller.roles, action, "intent", body_sha256=digest, body_bytes=len(body), peer=scope[PEER])
        return intent, self._audit.append(intent).number

    async def _end(self, scope: Scope, intent: Fact, number: int, status: int) -> None:
        subject = _short(str(scope.get(SUBJECT, "")))
        at_ms = int(self._clock() * 1000)
        outcome = Fact(at_ms, intent.by, intent.roles, intent.action, "outcome", number, status or 500, subject, peer=intent.peer)
        for seconds in (0.1, 1.0, None):
            try:
                await asyncio.to_thread(self._audit.append, outcome)
                return
            except StoreUnavailableError as error:
                if seconds is None:  # the log holds the intent without an outcome, which tells its reader that the outcome is unknown
                    log.error("the outcome of entry %d, status %d, could not be written to the audit log: %s", number, status, error)
                else:
                    await asyncio.sleep(seconds)


class _ReadBody:
    """An ASGI `receive` that gives a body which was read already."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        return {"type": "http.disconnect"} if body is None else {"type": "http.request", "body": body, "more_body": False}


class _HeldAnswer:
    """An ASGI `send` that holds an answer back in memory; answers to changes are small."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self._messages.append(message)

    async def pass_on(self, send: Send) -> None:
        """Sends the answer that was held back."""
        for message in self._messages:
            await send(message)


def _short(text: str) -> str:
    return text[:PATH_CHARACTERS_MAX].encode("utf-8", "replace").decode()
