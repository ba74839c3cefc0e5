"""Defines how a sample of scored events is kept, by which models are compared, and drift is measured.

Of each day of event time it holds a share of the users with all their events: the share is 1 until a day has more events than are kept, and
then shrinks. Whether a user is in it follows from a hash of user and day, so that the sample does not depend on who reads when.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

EVENTS_MAX = 3_000
"""About so many events of a day are kept, with the scores of all models."""
NUMBERS_MAX = 1_000
"""Of about so many of these the numbers of the event and its features are kept, too, and what inputs added to the score."""


class ScoredEvent(msgspec.Struct, frozen=True):
    """Holds what models said of an event.

    Args:
        event: `stores.effects.effect_id` of its user and id.
        user: its primary entity.
        at_ms: time of the event, ms since the epoch.
        place: in [0, 1), see `sample_place`.
        action: that of the decision.
        release: that decided.
        probability: that the event is fraud, as the decision says it; None where it says none.
        scores: raw scores by model; a model that gave none has None.
        numbers: by ``event.`` and ``feature.`` name; missing ones are None.
        shares: by model, what each of its inputs added to its score or took off it; that model alone whose score counted.
    """

    event: str
    user: str
    at_ms: int
    place: float
    action: str
    release: int
    probability: float | None
    scores: dict[str, float | None]
    numbers: dict[str, float | None]
    shares: dict[str, dict[str, float]] = {}


class GivenLabelOf(NamedTuple):
    """Holds a label of an event of the sample."""

    event: str
    source: str
    label: int
    label_time: int


class ScoredSample(NamedTuple):
    """Holds a sample of events, oldest day first.

    Args:
        events: their `numbers` and `shares` are empty unless these were asked for.
        labels: all that were given of these events.
        shares: by day, the share of users whose events are kept.
    """

    events: list[ScoredEvent]
    labels: list[GivenLabelOf]
    shares: dict[int, float]


def sample_place(user: str, day_ms: int) -> float:
    """Returns a number in [0, 1) by which a user is in the sample of a day, or is not."""
    digest = hashlib.blake2b(msgspec.json.encode((user, day_ms)), digest_size=6).digest()
    return int.from_bytes(digest) / (1 << 48)


def kept(events: Sequence[ScoredEvent], share: float) -> list[ScoredEvent]:
    """Returns those of `events` that are in a sample of this share of users."""
    return [event for event in events if event.place < share]
