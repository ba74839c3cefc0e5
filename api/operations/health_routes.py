"""Routes for monitoring: liveness, readiness and metrics. They need no token and name no entity."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from api.auth.permissions import CALLER
from api.decisions.waiting import Waiting
from api.definitions.in_force import InForce
from api.http.health import Health, Part
from api.http.late_routes import late_routes
from api.http.metrics import ApiMetrics
from api.http.problem import as_response, json_answer
from api.http.route_docs import route_docs
from api.operations.scraped_figures import ScrapedFigures
from api.stream.stream import Stream


class Ready(msgspec.Struct):
    """Whether events can be decided, and the health of each part that the API depends on.

    `status` is ready, catching_up or not_ready; `release` is the id of the release in force, null when there is none.
    """

    status: str
    catching_up: bool
    release: int | None
    parts: dict[str, Part]


def ready_docs() -> dict[str, Any]:
    """The route docs of ``/ready``, whose answer has the same shape with both statuses."""
    arguments = route_docs(Ready)
    arguments["responses"][503] = arguments["responses"][200] | {"description": "a part that decisions need is not ok"}
    return arguments


def make_health(known: Health, api_metrics: ApiMetrics, in_force: InForce, waiting: Waiting, stream: Stream) -> APIRouter:
    """The routes ``/health``, ``/ready`` and ``/metrics``."""
    routes = late_routes("health", prefix="")
    api_metrics.registry.register(ScrapedFigures(known, waiting, stream))

    @routes.get("/health", summary="Whether the process is alive", **route_docs(dict[str, str]))
    async def health() -> Response:
        """The answer is 200 while the process lives, even if parts that it depends on are down."""
        return as_response(json_answer(200, {"status": "up"}))

    @routes.get("/ready", summary="The health of each part; 503 unless events can be decided", **ready_docs())
    async def ready(request: Request) -> Response:
        """The parts are the broker, the score job, the release and the stores; ``catching_up`` means that the score job has a backlog.

        Parts that only queries and changes need, such as the metrics, the registry and the audit log, never make the answer a 503. Only
        callers with a token are told why a part is not ok.
        """
        release = in_force.release
        state = "catching_up" if known.catching_up else "ready"
        id = release.id if release else None
        parts = known.parts if CALLER in request.scope else known.parts_without_details()
        body = Ready(state if known.ready else "not_ready", known.catching_up, id, parts)
        return as_response(json_answer(200 if known.ready else 503, body))

    @routes.get("/metrics", summary="Metrics of this process in Prometheus' text format", **route_docs("text/plain"))
    async def metrics() -> Response:
        """Requests by route and status, decisions by outcome, and callers that wait."""
        return Response(generate_latest(api_metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return routes
