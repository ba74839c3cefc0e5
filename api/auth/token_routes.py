"""Routes that make, list and revoke API tokens. The text of a token is in one answer only, that of the request that made it."""

import asyncio
import re
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response

from api.auth.authenticator import Authenticator
from api.auth.permissions import ROLES
from api.auth.request_context import caller_of, note_subject
from api.auth.token import OWNER
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Answer, Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.kafka.log import Clock
from foundation.refusal import Refusal, shortened
from stores.tokens import StoredToken, Tokens, new_token, token_hash

TOKENS_MAX = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_NO_STORE = [(b"cache-control", b"no-store")]


class GivenToken(msgspec.Struct, forbid_unknown_fields=True):
    """The request for a new token; without `expires_at_ms` (ms since the epoch) the token is valid until it is revoked."""

    name: str
    roles: list[str]
    expires_at_ms: int | None = None


class ShownToken(msgspec.Struct, omit_defaults=True):
    """A token without its text; only the answer that made it holds the text, in `token`. Times are ms since the epoch."""

    name: str
    roles: tuple[str, ...]
    by: str
    made_at_ms: int
    expires_at_ms: int | None
    revoked_at_ms: int | None
    state: str
    token: str = ""


class ShownTokens(msgspec.Struct):
    """All tokens, in the order of their names."""

    tokens: list[ShownToken]


def make_token_routes(tokens: Tokens, authenticator: Authenticator, clock: Clock) -> APIRouter:
    """The routes below ``/tokens``."""
    routes = late_routes("tokens")

    @routes.get("/tokens", summary="All tokens with their roles and times; never a token itself", **route_docs(ShownTokens))
    def listed() -> Response:
        """Revoked and expired tokens are listed too."""
        now_ms = int(clock() * 1000)
        return as_response(json_answer(200, ShownTokens([shown(token, now_ms) for token in tokens.all()])))

    @routes.post("/tokens", summary="Makes a token", **route_docs(ShownToken, 409, status=201, body=GivenToken))
    async def make(request: Request) -> Response:
        """The answer holds the token; only its hash is stored, so it cannot be shown again."""
        given = read_given(await request.body(), int(clock() * 1000))
        made, token = await asyncio.to_thread(_make, tokens, given, caller_of(request).name, int(clock() * 1000))
        note_subject(request, f"token {made.name}: {' '.join(made.roles)}, expires {made.expires_at_ms or 'never'}")
        with_text = shown(made, made.made_at_ms)
        with_text.token = token
        answer = json_answer(201, with_text)
        return as_response(Answer(answer.status, answer.body, headers=_NO_STORE))

    @routes.delete("/tokens/{name}", summary="Revokes a token", **route_docs(ShownToken, 404))
    async def revoke(request: Request, name: Annotated[str, Path(max_length=200)]) -> Response:
        """The token is refused by this process at once and by others within 5 s. Revoking it again changes nothing."""
        now_ms = int(clock() * 1000)
        note_subject(request, f"token {name}")
        revoked = await asyncio.to_thread(tokens.revoke, name, now_ms)
        if revoked is None:
            raise Problem(404, f"there is no token with the name {name[:80]}")
        authenticator.forget(revoked.hash)
        return as_response(json_answer(200, shown(revoked, now_ms)))

    return routes


def read_given(body: bytes, now_ms: int) -> GivenToken:
    """Reads the request for a token in `body`.

    Raises:
        Refusal: it is not JSON, has one key twice, or its name, roles or expiry are not valid.
    """
    given = read_json(body, GivenToken, "token", '{"name": …, "roles": […], "expires_at_ms": ms or null}')
    if not _NAME.fullmatch(given.name) or given.name == OWNER:
        expected = f"1 to 64 letters, digits, dots, dashes or underscores that begin with a letter or digit, and not {OWNER}"
        raise Refusal("bad name", where="name", expected=expected, got=shortened(given.name, 80))
    if not given.roles or any(role not in ROLES for role in given.roles):
        got = shortened(", ".join(given.roles), 80) or "none"
        raise Refusal("bad roles", where="roles", expected=f"some of {', '.join(ROLES)}", got=got)
    if given.expires_at_ms is not None and not now_ms < given.expires_at_ms < 1 << 53:
        expected = f"a time in ms since the epoch that is after now ({now_ms})"
        raise Refusal("bad end", where="expires_at_ms", expected=expected, got=given.expires_at_ms)
    return given


def shown(token: StoredToken, now_ms: int) -> ShownToken:
    """`token` without its hash; `state` says whether it is valid, expired or revoked at `now_ms`."""
    ended = token.expires_at_ms is not None and token.expires_at_ms <= now_ms
    state = "revoked" if token.revoked_at_ms is not None else "expired" if ended else "valid"
    times = (token.made_at_ms, token.expires_at_ms, token.revoked_at_ms)
    return ShownToken(token.name, token.roles, token.by, *times, state)


def _make(tokens: Tokens, given: GivenToken, by: str, at_ms: int) -> tuple[StoredToken, str]:
    token = new_token()
    roles = tuple(role for role in ROLES if role in given.roles)
    made = StoredToken(given.name, token_hash(token), roles, by, at_ms, given.expires_at_ms)
    if len(tokens.all()) >= TOKENS_MAX:
        raise Problem(409, f"there are {TOKENS_MAX} tokens already, which is the most that can be made")
    if not tokens.add(made):
        raise Problem(409, f"the name {given.name} is taken; a name can be used only once, because the audit log refers to it")
    return made, token
