"""Definitions written at random: each is refused with its place, or it decides on whatever comes, in any batches, over any restart."""

from collections.abc import Sequence

import pytest
from strange_releases import outcome

pytestmark = pytest.mark.slow

BLOCK = 1_000
ONCE_A_FAULT = (1_001_606, 1_001_620, 1_002_146)
"""Seeds under which notes of one time changed their order whenever a profile was read."""


@pytest.fixture(autouse=True)
def _small_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of releases have slabs of a few profiles: each takes the memory that these need, and no large pages."""
    monkeypatch.setattr("features.profiles.memory.RESERVED_BYTES", 0)


def check(seeds: Sequence[int]) -> None:
    """That nothing unforeseen happens to the definitions of `seeds`, and that two fifths of them and more are accepted."""
    accepted, faults = 0, []
    for seed in seeds:
        try:
            accepted += outcome(seed) == "accepted"
        except Exception as error:
            faults.append(f"{seed}: {type(error).__name__}: {error}"[:2_000])
    assert faults == []
    assert 5 * accepted > 2 * len(seeds)


@pytest.mark.parametrize("block", range(2))
def test_strange_definitions_are_refused_with_their_place_or_decide_on_whatever_comes(block: int) -> None:
    check(range(40 * block, 40 * (block + 1)))


def test_seeds_that_once_met_a_fault_meet_none() -> None:
    for seed in ONCE_A_FAULT:
        outcome(seed)


@pytest.mark.deep
@pytest.mark.parametrize("block", range(100))
def test_a_hundred_thousand_strange_definitions_are_refused_with_their_place_or_decide(block: int) -> None:
    check(range(BLOCK * (1_000 + block), BLOCK * (1_001 + block)))
