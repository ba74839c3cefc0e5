"""Answers that the API gives and its client reads."""

import msgspec


class Score(msgspec.Struct):
    """The latest score of an entity, of the event at `event_time` (ms), `age_ms` ago; None when no model was ready."""

    entity: str
    id: str
    score: float | None
    action: str
    event_id: str
    event_time: int
    age_ms: int
    release: int
