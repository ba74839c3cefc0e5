"""CPU time of asking a list of a million entries whether values are on it, in batches of 256, half of which are.

Texts are asked again as cards and devices come again: of 20,000, whose hashes are remembered then, and beside that of texts that
nobody asked before. The yardstick in the same run is a dictionary of the texts with their ends. Its answers are compared first.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from patterns.entries import Change, Entry
from patterns.known_entries import NEVER, KnownEntries

LIST, ENTRIES, AGAIN, BATCH, BATCHES, BAR_US = "blocked", 1_000_000, 20_000, 256, 400, 1.0
NOW_MS = 1_700_000_000_000


def ends_of(count: int) -> dict[str, int]:
    """The entries: of ten, one has expired and one expires later."""
    ends = {0: NOW_MS, 1: NOW_MS + 1}
    return {f"device-{number:08d}": ends.get(number % 10, NEVER) for number in range(count)}


def asked(random: np.random.Generator, first: int, count: int) -> list[list[str]]:
    """Batches of values of which the list has about half: numbers from `first` on of those on it and of those behind its end."""
    numbers = first + random.integers(0, count, BATCH * BATCHES) // 2 + ENTRIES * random.integers(0, 2, BATCH * BATCHES)
    return [[f"device-{number:08d}" for number in batch] for batch in numbers.reshape(BATCHES, BATCH).tolist()]


def check(known: KnownEntries, ends: dict[str, int], batches: Sequence[Sequence[str]]) -> None:
    """The list says what the dictionary does."""
    for batch in batches:
        if _listed(known, batch) != _looked_up(ends, batch):
            raise AssertionError("a list says something else than a dictionary")


def measured_us(ask: Callable[[Sequence[str]], object], batches: Sequence[Sequence[str]]) -> float:
    """Microseconds of CPU a value."""
    begun = time.process_time_ns()
    for batch in batches:
        ask(batch)
    return round((time.process_time_ns() - begun) / (BATCH * len(batches) * 1_000), 3)


def _listed(known: KnownEntries, batch: Sequence[str]) -> list[bool]:
    found: list[bool] = known.contains(LIST, batch, np.full(BATCH, NOW_MS)).tolist()
    return found


def _looked_up(ends: dict[str, int], batch: Sequence[str]) -> list[bool]:
    return [ends.get(value, 0) > NOW_MS for value in batch]


def run() -> dict[str, object]:
    """Fills a list, checks its answers, and measures."""
    random, known, ends = np.random.default_rng(7), KnownEntries(), ends_of(ENTRIES)
    begun = time.process_time()
    known.take(Change(LIST, value, Entry(LIST, value, None if end == NEVER else end)) for value, end in ends.items())
    filled = time.process_time() - begun
    again, new = asked(random, 0, AGAIN), asked(random, AGAIN, ENTRIES)
    check(known, ends, again)
    listed = measured_us(lambda batch: _listed(known, batch), again)
    looked_up = measured_us(lambda batch: _looked_up(ends, batch), again)
    fresh = measured_us(lambda batch: _listed(known, batch), new)
    check(known, ends, new)
    return {
        "what": f"a list of {ENTRIES:,} entries, batches of {BATCH}",
        "us a value asked before": listed,
        "us a value never asked before": fresh,
        "us a value of a dictionary": looked_up,
        "s to take the entries in": round(filled, 2),
        "bar": BAR_US,
        "met": listed <= BAR_US,
    }


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] else 1)
