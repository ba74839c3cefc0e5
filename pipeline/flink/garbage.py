"""Python's collector in a process whose answers somebody waits for."""

import gc


def settle_garbage() -> None:
    """Takes what start-up made out of the collector's sight, and lets it look less often: its pauses are in the tail."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
