"""What a model of River costs, in figures."""

import msgspec


class RiverCost(msgspec.Struct, frozen=True):
    """Says what a model of River costs, as measured on some hundred made-up rows; trees that grow take more later.

    Args:
        score_us: µs of CPU to score an event.
        learn_us: µs of CPU to learn from one.
        snapshot_bytes: the size of what it publishes.
    """

    score_us: float
    learn_us: float
    snapshot_bytes: int
