"""Routes for whoever watches this process: alive, ready, figures. They need no token and name no entity."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from api.auth.permissions import CALLER
from api.decisions.waiting import Waiting
from api.definitions.in_force import InForce
from api.http.health import Condition, Part
from api.http.metrics import Counts
from api.http.problem import as_response, json_answer
from api.http.route_docs import told
from api.stream.stream import Stream


class Ready(msgspec.Struct):
    """Whether this process can do all of its work, and each dependency with its state, since when (ms) and why not."""

    status: str
    catching_up: bool
    release: int | None
    parts: dict[str, Part]


def ready_told() -> dict[str, Any]:
    """What the document is told of ``/ready``: the same answer with both statuses."""
    arguments = told(Ready)
    arguments["responses"][503] = arguments["responses"][200] | {"description": "some part is not well"}
    return arguments


def make_health(condition: Condition, counts: Counts, in_force: InForce, waiting: Waiting, stream: Stream) -> APIRouter:
    """``/health``, ``/ready`` and ``/metrics``."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health", summary="The process answers", **told(dict[str, str]))
    async def health() -> Response:
        """200 while the process lives, whatever it depends on."""
        return as_response(json_answer(200, {"status": "up"}))

    @routes.get("/ready", summary="Each dependency; 503 unless all are well", **ready_told())
    async def ready(request: Request) -> Response:
        """Broker, score job, release and the stores by name; ``catching_up`` while the score job works through old events.

        Ready means that events can be decided. Metrics, the registry and the audit log, which only queries and changes need, have a
        state each and never make the answer a 503. Why a part is not well is told to callers with a token only.
        """
        release = in_force.release
        state = "catching_up" if condition.catching_up else "ready"
        id = release.id if release else None
        parts = condition.parts if CALLER in request.scope else condition.parts_without_details()
        body = Ready(state if condition.ready else "not_ready", condition.catching_up, id, parts)
        return as_response(json_answer(200 if condition.ready else 503, body))

    @routes.get("/metrics", summary="Figures in Prometheus' text format", **told("text/plain"))
    async def metrics() -> Response:
        """Requests by route and status, decisions and callers that wait."""
        passed_over = f"# TYPE weir_release_passed_over gauge\nweir_release_passed_over {int(bool(condition.passed_over))}\n"
        text = counts.text(len(waiting), waiting.unmatched, len(stream)) + passed_over
        return Response(text, media_type="text/plain; version=0.0.4")

    return routes
