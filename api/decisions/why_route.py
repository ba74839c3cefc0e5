"""The route that says why a rule matched an event, or did not."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.decisions.explained import explained
from api.decisions.reads import decision_on
from api.decisions.rules_as_decided import RulesAsDecided
from api.definitions.in_force import InForce
from api.http.late_routes import late_routes
from api.http.problem import as_response, json_answer
from api.http.route_docs import route_docs
from api.kafka.log import Clock
from patterns.rules.explaining.explanation import Why
from stores.decisions import Decisions
from stores.effects import DAY_MS
from stores.registry import Registry


def make_why_route(registry: Registry, in_force: InForce, decisions: Decisions, kept_days: int, clock: Clock) -> APIRouter:
    """The route ``/patterns/{id}:why``; it has to stand before those whose ids would hold the verb.

    Args:
        kept_days: how long decisions are kept; 0: for ever.
        clock: seconds since the epoch.
    """
    routes = late_routes("patterns")
    rules = RulesAsDecided(registry, in_force)

    @routes.get("/patterns/{id}:why", summary="Why a rule matched an event, or did not", **route_docs(Why, 404, 409))
    def why(
        id: str,
        event_id: Annotated[str, Query(max_length=1_000, description="id of the event")],
        user: Annotated[str | None, Query(description="id of the event's primary entity, needed when several have this event id")] = None,
    ) -> Response:
        """Each predicate of the rule with its values and its truth, and how far the steps of a sequence came.

        Each step has the events that it took, and what it asked of them. The text that decided is explained, whatever was uploaded since.
        Values come from the stored decisions; what these do not keep is listed under `unknown` with the reason, and `matched` is null where
        it depends on that.
        """
        stored = decision_on(decisions, event_id, user)
        since_ms = int(clock() * 1_000) - kept_days * DAY_MS if kept_days else 0
        return as_response(json_answer(200, explained(stored, id, rules, decisions, since_ms)))

    return routes
