"""Python's garbage collector is tuned here for processes whose answers somebody waits for."""

import gc


def settle_garbage() -> None:
    """Freezes the objects made so far and makes collections rarer, since their pauses lengthen the slowest answers."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
