"""Routes for whoever watches this process: alive, ready, figures. They need no token and name no entity."""

from fastapi import APIRouter, Response

from api.condition import Condition
from api.counts import Counts
from api.in_force import InForce
from api.problem import json_answer
from api.reads import as_response
from api.waiting import Waiting


def make_health(condition: Condition, counts: Counts, in_force: InForce, waiting: Waiting) -> APIRouter:
    """``/health``, ``/ready`` and ``/metrics``."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health", summary="The process answers")
    async def health() -> Response:
        """200 while the process lives, whatever it depends on."""
        return as_response(json_answer(200, {"status": "up"}))

    @routes.get("/ready", summary="Each dependency; 503 unless all are well")
    async def ready() -> Response:
        """Broker, score job, store and release by name; ``catching_up`` while the score job works through old events.

        Ready means that events can be decided. The part `metrics` has its own state, and never makes the answer a 503.
        """
        release = in_force.release
        state = "catching_up" if condition.catching_up else "ready"
        body = {
            "status": state if condition.ready else "not_ready",
            "catching_up": condition.catching_up,
            "release": release.id if release else None,
            "parts": condition.parts,
        }
        return as_response(json_answer(200 if condition.ready else 503, body))

    @routes.get("/metrics", summary="Figures in Prometheus' text format")
    async def metrics() -> Response:
        """Requests by route and status, decisions and callers that wait."""
        return Response(counts.text(len(waiting), waiting.unmatched), media_type="text/plain; version=0.0.4")

    return routes
