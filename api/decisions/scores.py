"""The fast read: an entity's latest score, from one row."""

import msgspec

from api.definitions.in_force import InForce
from api.http.problem import Answer, Problem
from api.http.query import NONE, require_known
from api.http.responses import Included, Score
from api.kafka.log import Clock
from stores.decisions import Decisions

_encode = msgspec.json.Encoder().encode


class Scores:
    """Answers ``GET /v1/scores/{entity}/{id}``: one read by key, on the event loop."""

    def __init__(self, in_force: InForce, decisions: Decisions, clock: Clock) -> None:
        self._in_force = in_force
        self._decisions = decisions
        self._clock = clock

    async def answer(self, rest: str, query: bytes) -> Answer:
        """The score of ``{entity}/{id}``; the id may hold slashes. There are no parameters.

        Raises:
            Problem: 404, there is no such kind of entity, or the entity has no decision yet.
            Refusal: the query has a parameter.
            StoreUnavailableError: the store does not answer.
        """
        require_known(query, NONE)
        kind, _, id = rest.partition("/")
        release, _ = self._in_force.require()
        kinds = (release.schema.user, *release.schema.entities)
        if kind not in kinds:
            text = f"no entity is called {kind[:80]}; there are {', '.join(kinds)}"
            raise Problem(404, text)
        latest = await self._decisions.latest_soon(kind, id)
        if latest is None:
            raise Problem(404, f"{kind} {id[:80]} has no decision yet")
        age_ms = max(0, int(self._clock() * 1000) - latest.event_time)
        includes = Included(latest.place.partition, latest.place.offset) if latest.place else None
        event = (latest.event_id, latest.event_time, age_ms, latest.release, includes, latest.user)
        scored = Score(kind, id, latest.score, latest.action, *event)
        return Answer(200, _encode(scored))
