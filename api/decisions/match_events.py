"""Finds the decisions on the events of a match, which a decision names by time and key of their ids alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Query, Response

from api.decisions.reads import decision_on
from api.definitions.in_force import InForce
from api.http.late_routes import late_routes
from api.http.problem import as_response, json_answer
from api.http.route_docs import route_docs
from features.schema.event import id_key_of
from stores.decisions import Decisions, StoredDecision

LOOKED_AT_MAX = 2_000
"""So many newest decisions of each entity of the event are looked at."""
_PAGE = 500
Place = tuple[int, int]
"""Time of an event in ms since the epoch, and the key of its id."""


class MatchEvent(msgspec.Struct):
    """An event of a match: `event_time` in ms since the epoch and `id_key` are what the decision says of it.

    `event_id`, `user`, `action` and `link`, the path of its decision, are null where that is not among the newest 2,000 of the event's
    entities, or is kept no more.
    """

    event_time: int
    id_key: int
    event_id: str | None = None
    user: str | None = None
    action: str | None = None
    link: str | None = None


class MatchWithEvents(msgspec.Struct):
    """A rule that matched an event, and the events of its match, the earliest first; a rule on the event alone has that one."""

    pattern: str
    version: str
    action: str
    shadow: bool
    events: list[MatchEvent]


class DecisionMatches(msgspec.Struct):
    """The rules that a decision names, with the events of their matches."""

    event_id: str
    user: str
    release: int
    matches: list[MatchWithEvents]


def make_match_route(decisions: Decisions, in_force: InForce) -> APIRouter:
    """The route ``/decisions:matches``."""
    routes = late_routes("decisions")

    @routes.get(
        "/decisions:matches",
        summary="The rules that matched an event, with the events of each match",
        **route_docs(DecisionMatches, 404, 409),
    )
    def matches(
        event_id: Annotated[str, Query(max_length=1_000, description="id of the event")],
        user: Annotated[str | None, Query(description="id of the event's primary entity, needed when several have this event id")] = None,
    ) -> Response:
        """Each event of a sequence is named by the id of its event, with a link to the decision on it."""
        release, _ = in_force.require()
        stored = decision_on(decisions, event_id, user)
        return as_response(json_answer(200, matches_of(stored, decisions, release.schema.id_type == "integer")))

    return routes


def matches_of(stored: StoredDecision, decisions: Decisions, has_whole_ids: bool) -> DecisionMatches:
    """Returns what a stored decision says of rules that matched. Blocks.

    Args:
        has_whole_ids: whether ids of events are whole numbers.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    decision = msgspec.json.decode(stored.value)
    own = stored.event_time, id_key_of(stored.event_id, has_whole_ids)
    named = decision.get("matches", ())
    wanted = {(int(at), int(key)) for match in named for at, key in match.get("events", ())}
    known = {own: stored} | (_found(stored, wanted - {own}, decisions, has_whole_ids) if wanted else {})
    return DecisionMatches(stored.event_id, stored.user, stored.release, [_match(match, own, known) for match in named])


def _match(match: Mapping[str, Any], own: Place, known: Mapping[Place, StoredDecision]) -> MatchWithEvents:
    places = [(int(at), int(key)) for at, key in match.get("events", ())] or [own]
    events = [_event(place, known.get(place)) for place in places]
    return MatchWithEvents(match["pattern"], str(match["version"]), match["action"], match["shadow"], events)


def _event(place: Place, stored: StoredDecision | None) -> MatchEvent:
    if stored is None:
        return MatchEvent(*place)
    link = f"/v1/decisions/{quote(stored.event_id, safe='')}?user={quote(stored.user, safe='')}"
    return MatchEvent(*place, stored.event_id, stored.user, stored.action, link)


def _found(stored: StoredDecision, wanted: set[Place], decisions: Decisions, has_whole_ids: bool) -> dict[Place, StoredDecision]:
    """Returns the decisions on the events at these places: of the user, and, as long as some are missing, of each other entity."""
    found: dict[Place, StoredDecision] = {}
    for kind, id in stored.keys:
        missing = wanted - found.keys()
        if not missing:
            break
        for each in _decisions_since(decisions, kind, id, min(at for at, _ in missing)):
            place = each.event_time, id_key_of(each.event_id, has_whole_ids)
            if place in missing:
                found[place] = each
    return found


def _decisions_since(decisions: Decisions, kind: str, id: str, since_ms: int) -> Iterator[StoredDecision]:
    cursor: str | None = None
    for _ in range(LOOKED_AT_MAX // _PAGE):
        page = decisions.of_entity(kind, id, cursor, _PAGE)
        found: Sequence[StoredDecision] = page.decisions
        yield from found
        cursor = page.next
        if cursor is None or (found and found[-1].event_time < since_ms):
            return
