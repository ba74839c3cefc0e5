"""Signs people in and out: by an API token, or by a link that works once."""

import asyncio
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.auth.cached_credential import Rejected
from api.auth.session_cookie import SessionCookie
from api.auth.sessions import LinkContent, SessionKeeper
from api.http.problem import Problem
from api.kafka.log import Clock
from stores.audit import Audit, Fact

if TYPE_CHECKING:
    from api.auth.provider.provider_sign_in import ProviderSignIn

BEGUN_SECONDS_MAX = 600
FIRST_PAGE = "/queue"
FORM_BYTES_MAX = 16_384
NOT_SIGNED_IN = "This token is not valid, or no longer. Ask whoever runs this system for another one."
NOT_BY_PROVIDER = "The identity provider has not signed you in, or it took more than ten minutes. Try again."
LINK_ENDED = "This link was used already or is older than ten minutes. Make another one with “weir console link”."


class SigningIn:
    """Begins and ends sessions for browsers, and writes both to the audit log.

    Args:
        keeper: of sessions.
        audit: the audit log.
        clock: seconds since the epoch.
        provider: signs people in at an identity provider; None without one.
    """

    def __init__(self, keeper: SessionKeeper, audit: Audit, clock: Clock, provider: "ProviderSignIn | None" = None) -> None:
        self._keeper = keeper
        self.provider = provider
        self._audit = audit
        self._clock = clock

    async def by_form(self, request: Request, peer: str) -> Response:
        """Answers ``POST /sign-in``, whose form has a token or the secret of a link.

        Raises:
            Problem: 401, they are not valid; 403, the form is another site's.
            StoreUnavailableError: a store does not answer.
        """
        SessionCookie(request.scope).require_own_origin()
        form = await read_form(request)
        secret = form.get("link", "")
        try:
            if secret:
                content = await asyncio.to_thread(self._keeper.take_link, secret)
            else:
                content = await asyncio.to_thread(self._keeper.by_token, form.get("token", "").strip())
        except Rejected:
            raise Problem(401, LINK_ENDED if secret else NOT_SIGNED_IN) from None
        return await self.signed_in(request, content, peer, "link" if secret else "token", own_path(form.get("back", "")))

    async def to_provider(self, request: Request) -> Response:
        """Answers ``GET /sign-in/provider``: leads the browser to the identity provider.

        Raises:
            Problem: 404, there is none; 503, it does not answer.
        """
        where, state = await self._require_provider().begin(own_path(request.query_params.get("back", "")))
        answer = RedirectResponse(where, 303)
        cookie = SessionCookie(request.scope)
        answer.raw_headers.append(cookie.short(cookie.begun_name, state, BEGUN_SECONDS_MAX))
        return answer

    async def from_provider(self, request: Request, peer: str) -> Response:
        """Answers ``GET /sign-in/answer``, to which the provider sends the browser back.

        Raises:
            Problem: 401, this browser has not begun a sign-in, or the provider has not signed its reader in; 503, it does not answer.
        """
        provider, cookie, query = self._require_provider(), SessionCookie(request.scope), request.query_params
        state = query.get("state", "")
        if not state or not hmac.compare_digest(cookie.value(cookie.begun_name).encode(), state.encode()) or "code" not in query:
            raise Problem(401, NOT_BY_PROVIDER)
        try:
            content, back = await provider.end(state, query["code"])
        except Rejected:
            raise Problem(401, NOT_BY_PROVIDER) from None
        answer = await self.signed_in(request, content, peer, "identity provider", back)
        answer.raw_headers.append(cookie.short(cookie.begun_name, "", 0))
        return answer

    def _require_provider(self) -> "ProviderSignIn":
        if self.provider is None:
            raise Problem(404, "there is no identity provider at which to sign in")
        return self.provider

    async def signed_in(self, request: Request, content: LinkContent, peer: str, by: str, back: str) -> Response:
        """Begins a session, and sends the browser on to `back`."""
        made = await asyncio.to_thread(self._keeper.begin, content)
        await self._note(content.name, content.roles, f"sign in by {by}", peer, 303)
        answer = RedirectResponse(back, 303)
        answer.raw_headers.extend(SessionCookie(request.scope).given(made.secret))
        return answer

    async def out(self, request: Request, peer: str) -> tuple[Response, str]:
        """Answers ``POST /sign-out``; gives the id of the session that has ended too, '' if there was none."""
        cookie = SessionCookie(request.scope)
        cookie.require_own_origin()
        ended = await asyncio.to_thread(self._keeper.end, cookie.secret()) if cookie.secret() else None
        if ended is not None:
            await self._note(ended.name, ended.roles, "sign out", peer, 303)
        answer = RedirectResponse("/sign-in", 303)
        answer.raw_headers.extend(cookie.given(""))
        return answer, ended.id if ended else ""

    async def _note(self, name: str, roles: tuple[str, ...], action: str, peer: str, status: int) -> None:
        fact = Fact(int(self._clock() * 1000), name, roles, action, "outcome", status=status, subject="the console", peer=peer)
        await asyncio.to_thread(self._audit.append, fact)


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a form.

    Raises:
        Problem: 413, it is too large.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            raise Problem(413, "the form is too large")
    return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=20))


def own_path(path: str) -> str:
    """`path` if it is one of this origin, else the first page: nobody is sent on to another site."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\", "/sign-")) and path.isprintable() and "\\" not in path
    return path if is_own else FIRST_PAGE
