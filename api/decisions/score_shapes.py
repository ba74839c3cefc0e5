"""The shape of an answer about the latest score of an entity."""

import msgspec


class Included(msgspec.Struct, frozen=True):
    """The position of a decision in the topic of decisions."""

    partition: int
    offset: int


class Score(msgspec.Struct):
    """The latest score of an entity; `score` is null when no model gave one.

    It is the score of event `event_id` of the primary entity `user`, whose event time is `event_time` (ms since the epoch), `age_ms` ago.
    `includes` is the position of the decision in the topic of decisions; null for a decision stored before positions were.
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
    user: str = ""
