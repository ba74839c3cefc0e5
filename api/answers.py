"""Answers that the API gives and its client reads."""

import msgspec


class Included(msgspec.Struct, frozen=True):
    """How far along a partition of the topic of decisions an answer is."""

    partition: int
    offset: int


class Score(msgspec.Struct):
    """The latest score of an entity, of the event at `event_time` (ms), `age_ms` ago; None when no model was ready.

    `includes` is where its decision stands in the topic of decisions; None for one kept before that was noted.
    """

    entity: str
    id: str
    score: float | None
    action: str
    event_id: str
    event_time: int
    age_ms: int
    release: int
    includes: Included | None = None
