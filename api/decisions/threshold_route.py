"""The route that says what a learned threshold of a rule is for one entity."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from api.decisions.threshold_shapes import ReadThreshold, ReadThresholds
from api.definitions.in_force import InForce
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.patterns.rules_in_force import standing_in
from features.definitions.entity_parser import parts_of
from patterns.language.pattern import Pattern
from patterns.thresholds.threshold_words import threshold_words
from pipeline.trial.rules_read import read_rule
from stores.decisions import Decisions, StoredDecision

_LOOKED_AT = 100
"""So many newest decisions of an entity are looked at for one that was compared with the threshold."""
_PAGES_OF_PAIR = 20
"""So many times as many of the first of a pair: not all of them are of the second one, too."""


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
        second: Annotated[str | None, Query(description="id of the second entity, where a threshold is that of a pair")] = None,
    ) -> Response:
        """What was known before the newest event of the entity that was compared with each threshold, as its decision says.

        The entity is of the type that the threshold's `key` names: the user, where the rule says nothing else. Of a pair, whose `key` is
        written with a plus between two types, `{key}` is the id of the first one.
        """
        release, _ = in_force.require()
        standing_in(in_force.texts, id)
        pattern = read_rule(in_force.texts, id)
        names = list(pattern.adaptive) if threshold is None else [threshold]
        if unknown := [name for name in names if name not in pattern.adaptive]:
            raise Problem(404, f"rule {id} has no threshold {unknown[0][:80]}: it has {', '.join(pattern.adaptive) or 'none'}")
        found = [_read(pattern, name, _ids_of(pattern, name, key, second), decisions) for name in names]
        return as_response(json_answer(200, ReadThresholds(id, release.id, key, found, second)))

    return routes


def _ids_of(pattern: Pattern, name: str, first: str, second: str | None) -> dict[str, str | None]:
    """Returns the ids of the entities whose threshold it is, by type; None where the second of a pair is not given."""
    return dict(zip(parts_of(pattern.adaptive[name].key), (first, second), strict=False))


def _read(pattern: Pattern, name: str, ids: Mapping[str, str | None], decisions: Decisions) -> ReadThreshold:
    adaptive = pattern.adaptive[name]
    given = {kind: id for kind, id in ids.items() if id is not None}
    if lacking := [kind for kind in ids if kind not in given]:
        said = f"this is the threshold of a pair: give the id of its {lacking[0]} as second"
        return ReadThreshold(name, adaptive.key, adaptive.rate, said)
    count = 0
    for stored in _newest(decisions, given):
        known = msgspec.json.decode(stored.value).get("thresholds", {}).get(f"{pattern.id}.{name}")
        if known is not None:
            return _shown(pattern, name, stored, known)
        count += 1
    whose = " with ".join(f"{kind} {id}" for kind, id in given.items())
    said = f"none of the {count} newest decisions of {whose} was compared with it"
    return ReadThreshold(name, adaptive.key, adaptive.rate, said)


def _newest(decisions: Decisions, ids: Mapping[str, str]) -> Iterator[StoredDecision]:
    """Yields the newest decisions that are of all these entities, at most `_LOOKED_AT` of the first for one of one entity."""
    [(kind, id), *_] = ids.items()
    cursor: str | None = None
    for _ in range(_PAGES_OF_PAIR if len(ids) > 1 else 1):
        page = decisions.of_entity(kind, id, cursor, _LOOKED_AT)
        cursor = page.next
        yield from (stored for stored in page.decisions if dict(stored.keys).items() >= ids.items())
        if cursor is None:
            return


def _shown(pattern: Pattern, name: str, stored: StoredDecision, known: Mapping[str, Any]) -> ReadThreshold:
    adaptive = pattern.adaptive[name]
    words = threshold_words(adaptive, known["value"], known["threshold"], known["usual"], known["weight"], known.get("cohort"))
    return ReadThreshold(name, adaptive.key, adaptive.rate, words, stored.event_id, stored.event_time, stored.release, **known)
