"""The shapes of answers about learned thresholds."""

import msgspec


class ReadThreshold(msgspec.Struct, omit_defaults=True):
    """What a learned threshold of a rule was before an event of an entity.

    Numbers that nobody knows are null; `weight` is the number of events of the entity, of which older ones count less.
    """

    name: str
    key: str
    rate: float
    said: str
    event_id: str | None = None
    event_time: int | None = None
    release: int | None = None
    value: float | None = None
    threshold: float | None = None
    usual: float | None = None
    spread: float | None = None
    weight: float | None = None
    own_spread: float | None = None
    cohort: str | None = None
    snapshot: int | None = None


class ReadThresholds(msgspec.Struct, omit_defaults=True):
    """The learned thresholds of a rule of release `release` for the entity `key`, those of a pair for it together with `second`."""

    pattern: str
    release: int
    key: str
    thresholds: list[ReadThreshold]
    second: str | None = None
