"""How much each input of a model moves its score, as decisions said it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from stores.scored_events import ScoredEvent

EVENTS_MIN = 200
"""Of fewer events nothing is said."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Says how much an input moves a score.

    Args:
        name: of the input.
        size: the mean size of what it adds to the score or takes off it, over all events.
        raises: the share of events whose score it raises, in [0, 1].
    """

    name: str
    size: float
    raises: float


def moved_by(model: str, events: Iterable[ScoredEvent], releases: Set[int]) -> tuple[int, list[Moved]]:
    """Returns the events whose score `model` gave, and how much each input moved it, the greatest first; none of too few events.

    The mean size of contributions is the importance of Lundberg and others (2020), here over what was decided and not over a training.

    Args:
        events: with shares; those without any do not count.
        releases: those in which the model is what it is now.
    """
    explained = [event.shares[model] for event in events if event.release in releases and model in event.shares]
    if len(explained) < EVENTS_MIN:
        return len(explained), []
    return len(explained), sorted(_moved(explained), key=lambda each: (-each.size, each.name))


def _moved(explained: list[dict[str, float]]) -> Iterator[Moved]:
    shares: dict[str, list[float]] = defaultdict(list)
    for one in explained:
        for name, share in one.items():
            shares[name].append(share)
    for name, own in shares.items():
        yield Moved(name, sum(map(abs, own)) / len(explained), sum(share > 0.0 for share in own) / len(explained))
