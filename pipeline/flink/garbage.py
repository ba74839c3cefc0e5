"""Python's garbage collector is tuned here, for processes whose answers somebody waits for and for those that work beside them."""

import gc

YOUNG_OBJECTS = 5_000
"""A collection of so many young objects takes half a millisecond or so, and takes it from all threads; of 50,000 it took 60 ms."""
UNHURRIED_OBJECTS = 50_000
"""For a process for whose threads nobody waits. One that reads thousands of records at a time spent a third of its CPU on collections by
Python's default of 700 young objects, which looks through all that was ever made once in 70,000."""


def settle_garbage(young_objects: int = YOUNG_OBJECTS) -> None:
    """Freezes the objects made so far, and has young ones collected `young_objects` at a time and old ones hardly ever.

    A collection stops all threads and lengthens the slowest answers. What a decision makes goes without one, see
    `tests/pipeline/solo/test_garbage_of_decisions.py`.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young_objects, 10, 1_000)
