"""The route that says what a learned threshold of a rule is for one entity."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from api.definitions.in_force import InForce
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.responses import ReadThreshold, ReadThresholds
from api.http.route_docs import route_docs
from api.patterns.rules_in_force import standing_in
from patterns.language.pattern import Pattern
from patterns.thresholds.threshold_words import threshold_words
from pipeline.trial.rules_read import read_rule
from stores.decisions import Decisions, StoredDecision

_LOOKED_AT = 100
"""So many newest decisions of an entity are looked at for one that was compared with the threshold."""


def make_threshold_route(in_force: InForce, decisions: Decisions) -> APIRouter:
    """The route ``/patterns/{id}/thresholds/{key}``; it has to stand before those whose rest of a path would hold it."""
    routes = late_routes("patterns")

    @routes.get(
        "/patterns/{id}/thresholds/{key:path}",
        summary="What the learned thresholds of a rule are for an entity, and why",
        **route_docs(ReadThresholds, 404),
    )
    def thresholds(
        id: str,
        key: str,
        threshold: Annotated[str | None, Query(description="name of one threshold; all of the rule without it")] = None,
    ) -> Response:
        """What was known before the newest event of the entity that was compared with each threshold, as its decision says.

        The entity is of the type that the threshold's `key` names: the user, where the rule says nothing else.
        """
        release, _ = in_force.require()
        standing_in(in_force.texts, id)
        pattern = read_rule(in_force.texts, id)
        names = list(pattern.adaptive) if threshold is None else [threshold]
        if unknown := [name for name in names if name not in pattern.adaptive]:
            raise Problem(404, f"rule {id} has no threshold {unknown[0][:80]}: it has {', '.join(pattern.adaptive) or 'none'}")
        found = [_read(pattern, name, key, decisions) for name in names]
        return as_response(json_answer(200, ReadThresholds(id, release.id, key, found)))

    return routes


def _read(pattern: Pattern, name: str, id: str, decisions: Decisions) -> ReadThreshold:
    adaptive = pattern.adaptive[name]
    page = decisions.of_entity(adaptive.key, id, None, _LOOKED_AT).decisions
    for stored in page:
        known = msgspec.json.decode(stored.value).get("thresholds", {}).get(f"{pattern.id}.{name}")
        if known is not None:
            return _shown(pattern, name, stored, known)
    said = f"none of the {len(page)} newest decisions of {adaptive.key} {id} was compared with it"
    return ReadThreshold(name, adaptive.key, adaptive.rate, said)


def _shown(pattern: Pattern, name: str, stored: StoredDecision, known: Mapping[str, Any]) -> ReadThreshold:
    adaptive = pattern.adaptive[name]
    words = threshold_words(adaptive, known["value"], known["threshold"], known["usual"], known["weight"], known.get("cohort"))
    return ReadThreshold(name, adaptive.key, adaptive.rate, words, stored.event_id, stored.event_time, stored.release, **known)
