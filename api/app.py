"""Builds the API's application from its parts, which are all passed in."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.asgi_entry import AsgiEntry, problem_of
from api.auth.audited import Audited
from api.auth.authenticator import Authenticator
from api.console.console import Console
from api.console.sign_in import SigningIn
from api.decisions.decide import Decide
from api.decisions.scores import Scores
from api.http.entity_paths import RawEntityPaths
from api.http.parameter_fault import parameter_problem
from api.http.peer import read_peers
from api.http.problem import Problem, as_response
from api.http.query import require_known_query
from api.kafka.log import LogUnavailableError
from api.openapi import serve_openapi
from api.parts import Parts
from api.routers import make_routers
from foundation.refusal import Refusal
from stores.decisions import StoreUnavailableError

Lifespan = Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]
ERRORS = (Problem, Refusal, LogUnavailableError, StoreUnavailableError, HTTPException, RequestValidationError, Exception)


def make_app(parts: Parts, lifespan: Lifespan | None = None) -> AsgiEntry:
    """The whole API as one ASGI application.

    Args:
        lifespan: starts parts before the first request and stops them after the last one.
    """
    settings, access, in_force, clock, metrics = parts.settings, parts.access, parts.in_force, parts.clock, parts.api_metrics
    scores = Scores(in_force, parts.quick_decisions, clock)
    decide = Decide(
        in_force, parts.waiting, parts.quick_log, settings.topic("events"), parts.health, parts.quick_decisions, metrics, clock,
        settings.deadline_ms,
    )  # fmt: skip
    keeper = access.keeper(settings, clock)
    authenticator = Authenticator(access.verifiers(keeper, clock), metrics.count_rejected, clock)
    app = _application(make_routers(parts, authenticator, keeper, decide, scores), lifespan or _nothing)
    peers = read_peers(settings.trusted_proxies)
    # The audit log reads what a route noted in the scope that the route was given.
    behind_entry = RawEntityPaths(Audited(app, access.audit, clock))
    signing_in = SigningIn(keeper, access.audit, clock, access.provider_sign_in(settings, clock))
    console = Console(behind_entry, authenticator, keeper, signing_in, peers, clock, problem_of)
    return AsgiEntry(behind_entry, authenticator, decide.answer, scores.answer, metrics, peers, console)


def _application(routers: Iterable[APIRouter], lifespan: Lifespan) -> FastAPI:
    app = FastAPI(
        title="Weir",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url=None,
        dependencies=[Depends(require_known_query)],
        lifespan=lifespan,
        routes=[route for router in routers for route in router.routes],
    )
    serve_openapi(app)
    for kind in ERRORS:
        app.add_exception_handler(kind, _answer_error)
    return app


async def _answer_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        headers = [(name.encode(), value.encode()) for name, value in (error.headers or {}).items()]
        return as_response(Problem(error.status_code, str(error.detail), headers).answer())
    if isinstance(error, RequestValidationError):
        return as_response(parameter_problem(error.errors()[0]).answer())
    return as_response(problem_of(error).answer())


@contextlib.asynccontextmanager
async def _nothing(app: FastAPI) -> AsyncIterator[None]:
    yield
