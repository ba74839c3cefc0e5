"""The fast read of an entity's latest score, which costs one row of the store."""

from collections.abc import Sequence

import msgspec

from api.decisions.score_shapes import Included, Score
from api.definitions.in_force import InForce
from api.http.problem import Answer, Problem
from api.http.query import NONE, require_known
from api.kafka.log import Clock
from stores.decisions import Decisions

_encode = msgspec.json.Encoder().encode


class Scores:
    """Answers ``GET /v1/scores/{entity}/{id}`` with one read by key, on the event loop."""

    def __init__(self, in_force: InForce, decisions: Decisions, clock: Clock) -> None:
        self._in_force = in_force
        self._decisions = decisions
        self._clock = clock

    async def answer(self, rest: str, query: bytes) -> Answer:
        """The latest score of the entity in `rest`, which is ``{entity}/{id}``; the id may hold slashes.

        Raises:
            Problem: 404, there is no such entity type, or the entity has no decision yet.
            Refusal: the query has a parameter, and this route takes none.
            StoreUnavailableError: the store does not answer.
        """
        require_known(query, NONE)
        entity_type, _, id = rest.partition("/")
        release, _ = self._in_force.require()
        entity_types = (release.schema.user, *release.schema.entities)
        if entity_type not in entity_types:
            raise no_entity_type(entity_type, entity_types)
        latest = await self._decisions.latest_soon(entity_type, id)
        if latest is None:
            raise Problem(404, f"{entity_type} {id[:80]} has no decision yet")
        age_ms = max(0, int(self._clock() * 1000) - latest.event_time)
        includes = Included(latest.place.partition, latest.place.offset) if latest.place else None
        event = (latest.event_id, latest.event_time, age_ms, latest.release, includes, latest.user)
        scored = Score(entity_type, id, latest.score, latest.action, *event)
        return Answer(200, _encode(scored))


def no_entity_type(given: str, entity_types: Sequence[str]) -> Problem:
    """The answer 404 to an entity type that the release in force does not have."""
    return Problem(404, f"there is no entity type {given[:80]}; the release in force has {', '.join(entity_types)}")
