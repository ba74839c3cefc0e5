"""The console as an ASGI application: it finds out who looks, and answers with pages, files, and signing in and out."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.authenticator import Authenticator
from api.auth.cached_credential import Rejected
from api.auth.permissions import CALLER, Caller
from api.auth.session_cookie import SessionCookie, session_authorization
from api.auth.sessions import SessionKeeper
from api.console.assets import serve_asset
from api.console.own_api import OwnApi
from api.console.page import Asked, Page, may
from api.console.page_headers import page_headers
from api.console.page_list import PAGES
from api.console.rendering import render
from api.console.sign_in import FIRST_PAGE, SigningIn, own_path
from api.http.peer import Peers
from api.http.problem import Problem, as_response
from api.kafka.log import Clock

PARTS = frozenset(("assets", "sign-in", "sign-out", *(page.path.split("/")[1] for page in PAGES)))
"""The first parts of the paths that are the console's."""
Endpoint = Callable[[Request], Awaitable[Response]]


class Console:
    """Pages for people.

    Args:
        api: the application with the routes of the API, behind whatever authenticates.
        authenticator: finds out who calls.
        keeper: of sessions.
        signing_in: begins and ends them.
        peers: reads the address that a request came from.
        clock: seconds since the epoch.
        problem_of: the problem that a caller gets for an error.
    """

    def __init__(
        self,
        api: ASGIApp,
        authenticator: Authenticator,
        keeper: SessionKeeper,
        signing_in: SigningIn,
        peers: Peers,
        clock: Clock,
        problem_of: Callable[[Exception], Problem],
    ) -> None:
        self._api = api
        self._authenticator = authenticator
        self._keeper = keeper
        self._signing_in = signing_in
        self._peers = peers
        self._clock = clock
        self._problem_of = problem_of
        routes = [
            Route("/", self._first),
            Route("/assets/{name}", serve_asset),
            Route("/sign-in", self._guarded(self._sign_in), methods=["GET", "POST"]),
            Route("/sign-in/link", self._guarded(self._link)),
            Route("/sign-in/provider", self._guarded(signing_in.to_provider)),
            Route("/sign-in/answer", self._guarded(self._from_provider)),
            Route("/sign-out", self._guarded(self._sign_out), methods=["POST"]),
            *(Route(page.path, self._guarded(self._endpoint_of(page))) for page in PAGES),
        ]
        self._routes = Starlette(routes=routes, exception_handlers={404: self._unknown, 405: self._not_taken, Problem: self._unknown})

    @staticmethod
    def serves(path: str) -> bool:
        """Whether `path` is the console's; all others are the API's."""
        return path == "/" or path.split("/", 2)[1] in PARTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._routes(scope, receive, send)

    async def _first(self, request: Request) -> Response:
        return RedirectResponse(FIRST_PAGE, 303)

    async def _sign_in(self, request: Request) -> Response:
        if request.method == "GET":
            return self._gate(request, own_path(request.query_params.get("back", "")))
        return await self._signing(request, self._signing_in.by_form)

    async def _from_provider(self, request: Request) -> Response:
        return await self._signing(request, self._signing_in.from_provider)

    async def _signing(self, request: Request, sign_in: Callable[[Request, str], Awaitable[Response]]) -> Response:
        try:
            return await sign_in(request, self._peers.of(request.scope))
        except Problem as problem:
            if problem.status != 401:
                raise
            return self._gate(request, FIRST_PAGE, problem.detail)

    def _gate(self, request: Request, back: str, fault: str = "") -> Response:
        values = {"title": "Sign in", "back": back, "fault": fault, "has_provider": self._signing_in.provider is not None}
        return self._page(request, "sign_in", None, values, 401 if fault else 200)

    async def _link(self, request: Request) -> Response:
        return self._page(request, "sign_in_link", None, {"title": "Sign in"})

    async def _sign_out(self, request: Request) -> Response:
        answer, session = await self._signing_in.out(request, self._peers.of(request.scope))
        if session:
            self._authenticator.forget(session)
        return answer

    def _endpoint_of(self, page: Page) -> Endpoint:
        async def show(request: Request) -> Response:
            caller = await self._caller(request)
            if caller is None:
                where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(f"/sign-in?back={quote(where, safe='/')}", 303)
            request.scope[CALLER] = caller
            if not page.is_for(caller):
                raise Problem(403, f"{caller.name} may not look at this page; ask an admin for another role")
            api = OwnApi(self._api, caller, self._peers.of(request.scope))
            values = await page.load(Asked(request.path_params, request.query_params, caller, api, int(self._clock() * 1000)))
            answer = self._page(request, page.name, caller, {"title": page.title, "page": page, **values})
            await self._keep(request, answer)
            return answer

        return show

    async def _caller(self, request: Request) -> Caller | None:
        """Who looks; None for somebody who has to sign in."""
        authorization = session_authorization(request.scope)
        if authorization is None:
            return None
        try:
            return self._authenticator.known(authorization) or await self._authenticator.identify(
                authorization, self._peers.of(request.scope)
            )
        except Problem as problem:
            if problem.status == 401:
                return None
            raise

    async def _keep(self, request: Request, answer: Response) -> None:
        """Notes that the session is used, and gives the browser its new secret where it was rotated."""
        cookie = SessionCookie(request.scope)
        try:
            new = await asyncio.to_thread(self._keeper.used, cookie.secret())
        except Rejected:  # it has ended while the page was made
            return
        if new:
            answer.raw_headers.extend(cookie.given(new))

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """`endpoint`, and a page that says what is wrong where it raises."""

        async def guarded(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Exception as error:
                return self._fault(request, self._problem_of(error))

        return guarded

    async def _unknown(self, request: Request, error: Exception) -> Response:
        return self._fault(request, error if isinstance(error, Problem) else Problem(404, "There is no such page."))

    async def _not_taken(self, request: Request, error: Exception) -> Response:
        """No browser asks so: what does gets the problem that the API would answer."""
        taken = (error.headers or {})["Allow"] if isinstance(error, HTTPException) else ""
        problem = Problem(405, f"this page takes {taken}", [(b"allow", taken.encode())])
        return as_response(problem.answer())

    def _fault(self, request: Request, problem: Problem) -> Response:
        values = {"title": problem.type.title, "problem": problem, "is_passing": problem.status in (429, 502, 503, 504)}
        return self._page(request, "fault", request.scope.get(CALLER), values, problem.status)

    def _page(self, request: Request, name: str, caller: Caller | None, values: Mapping[str, object], status: int = 200) -> Response:
        nonce = secrets.token_urlsafe(18)
        shown = {
            "caller": caller,
            "pages": [page for page in PAGES if page.label and caller is not None and page.is_for(caller)],
            "may": lambda method, path: caller is not None and may(caller, method, path),
            "nonce": nonce,
            "theme": request.cookies.get("weir_theme", "") if request.cookies.get("weir_theme") in ("light", "dark") else "",
            "csrf_cookie": SessionCookie(request.scope).csrf_name,
            "now_ms": int(self._clock() * 1000),
            "page": None,
            "fault": "",
        }
        return HTMLResponse(render(name, {**shown, **values}), status, headers=page_headers(nonce))
