"""The application, put together from its parts; all of them are passed in."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.asgi_entry import Front, problem_of
from api.auth.access import Access
from api.auth.audit_routes import make_audit_routes
from api.auth.audited import Audited
from api.auth.authenticator import Gate
from api.auth.token_routes import make_token_routes
from api.decisions.decide import Decide
from api.decisions.reads import make_reads, require_kind
from api.decisions.scores import Scores
from api.decisions.waiting import Waiting
from api.decisions.writes import make_writes
from api.definitions.bypass_routes import make_bypass_routes
from api.definitions.definition_routes import make_definition_routes
from api.definitions.in_force import InForce
from api.definitions.list_routes import make_list_routes
from api.definitions.publisher import Definitions
from api.http.entity_paths import AsWritten
from api.http.health import Condition
from api.http.metrics import Counts
from api.http.peer import read_peers
from api.http.problem import Problem, as_response
from api.http.query import require_known_query
from api.kafka.log import Clock, Log, LogUnavailableError
from api.lists.entries import Entries
from api.openapi import tell_openapi
from api.operations.health_routes import make_health
from api.operations.metric_routes import make_metric_routes
from api.stream.stream import Stream
from api.stream.stream_route import make_stream_route
from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.decisions import Decisions, StoreUnavailableError
from stores.metrics.metrics import Metrics

Lifespan = Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]


def make_app(
    settings: Settings,
    access: Access,
    in_force: InForce,
    definitions: Definitions,
    decisions: Decisions,
    quick_decisions: Decisions,
    log: Log,
    quick_log: Log,
    waiting: Waiting,
    condition: Condition,
    clock: Clock,
    stream: Stream,
    entries: Entries,
    lifespan: Lifespan | None = None,
    metrics: Metrics | None = None,
    counts: Counts | None = None,
) -> Front:
    """The whole API as one ASGI application.

    Args:
        access: who may do what.
        decisions: read by pages, in threads.
        quick_decisions: the same store for single rows on the event loop; of its own, so that no page holds it up.
        log: for what is answered once the broker has it.
        quick_log: for events whose caller waits for the decision.
        stream: of decisions, for those that watch.
        entries: of lists.
        lifespan: what is started before the first request and stopped after the last.
        metrics: without them there is no route that asks for them.
        counts: what ``/metrics`` shows; by default its own.
    """
    counts = counts or Counts()
    scores = Scores(in_force, quick_decisions, clock)
    decide = Decide(in_force, waiting, quick_log, settings.topic("events"), condition, quick_decisions, counts, clock, settings.deadline_ms)
    gate = Gate(access.provers(clock), counts.not_let_in, clock)
    app = FastAPI(
        title="Weir",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url=None,
        dependencies=[Depends(require_known_query)],
        lifespan=lifespan or _nothing,
    )
    app.include_router(make_reads(decisions, scores, in_force, clock), prefix="/v1")
    app.include_router(make_writes(in_force, decide, log, settings, clock), prefix="/v1")
    if metrics is not None:
        app.include_router(make_metric_routes(metrics, in_force, clock), prefix="/v1")
    app.include_router(make_bypass_routes(definitions, in_force), prefix="/v1")
    for routes in (make_definition_routes, make_list_routes):
        app.include_router(routes(definitions, in_force, entries), prefix="/v1")
    app.include_router(make_stream_route(stream, in_force, require_kind), prefix="/v1")
    app.include_router(make_token_routes(access.tokens, gate, clock), prefix="/v1")
    app.include_router(make_audit_routes(access.audit), prefix="/v1")
    app.include_router(make_health(condition, counts, in_force, waiting, stream))
    tell_openapi(app)
    for kind in (Problem, Refusal, LogUnavailableError, StoreUnavailableError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _tell)
    return Front(
        Audited(AsWritten(app), access.audit, clock), gate, decide.answer, scores.answer, counts, read_peers(settings.trusted_proxies)
    )


async def _tell(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        headers = [(name.encode(), value.encode()) for name, value in (error.headers or {}).items()]
        return as_response(Problem(error.status_code, str(error.detail), headers).answer())
    if isinstance(error, RequestValidationError):
        return as_response(_invalid(error.errors()[0]).answer())
    return as_response(problem_of(error).answer())


def _invalid(first: dict[str, Any]) -> Problem:
    where = ".".join(str(part) for part in first["loc"][1:])
    got = repr(first.get("input"))[:80]
    members = {"what": "bad parameter", "where": where, "expected": str(first["msg"]), "got": got, "remedy": ""}
    return Problem(422, f"{where}: {first['msg']}, got {got}", members=members)


@contextlib.asynccontextmanager
async def _nothing(app: FastAPI) -> AsyncIterator[None]:
    yield
