"""Python's garbage collector is tuned here for processes whose answers somebody waits for."""

import gc

YOUNG_OBJECTS = 5_000
"""A collection of so many young objects takes half a millisecond or so, and takes it from all threads; of 50,000 it took 60 ms."""


def settle_garbage() -> None:
    """Freezes the objects made so far, and has young ones collected by small parts and old ones hardly ever.

    A collection stops all threads and lengthens the slowest answers. What a decision makes goes without one, see
    `tests/pipeline/solo/test_garbage_of_decisions.py`.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 1_000)
