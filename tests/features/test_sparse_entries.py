"""Entries of sparse sections are found while they are there, whatever else was made and dropped around them."""

import numpy as np
import pytest

from features.profiles.sections import Section
from features.profiles.sparse_entries import HELD_LINES, LINE, SECTION_BITS, USED_LINES
from features.profiles.sparse_sections import SparseSections

SECTIONS = [Section(f"s{number}", 1 + number % 9, sparse=True) for number in range(300)]
SLOTS = np.arange(5)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_made_is_found_with_its_words_until_it_lapses(seed: int) -> None:
    """Up to 60 entries of a slot stand in nine lines of its directory; of 300 sections some share a bit of the filter."""
    random, second = np.random.default_rng(seed), 0
    sparse = SparseSections(SECTIONS, lambda slots: np.full(len(slots), second * 1_000))
    sparse.grow(len(SLOTS))
    lapses: dict[tuple[int, int], int] = {}
    for second in range(60):
        for slot in random.choice(SLOTS, 3).tolist():
            for section in random.integers(0, len(SECTIONS), 4).tolist():
                lapses[slot, section] = second + int(random.integers(0, 30))
                row = int(sparse.make(f"s{section}", np.array([slot]))[0])
                sparse.arrays.words[row * LINE + 1] = lapses[slot, section] << 32
                sparse.words(f"s{section}")[row] = slot * 1_000 + section
        sparse.measured(SLOTS)
        lapses = {key: lapse for key, lapse in lapses.items() if lapse >= second}
        assert len(sparse) == len(lapses)
        for section in random.integers(0, len(SECTIONS), 10).tolist():
            rows = sparse.find(f"s{section}", SLOTS)
            assert (rows >= 0).tolist() == [(slot, section) in lapses for slot in SLOTS.tolist()]
            for slot in np.flatnonzero(rows >= 0).tolist():
                assert (sparse.words(f"s{section}")[rows[slot]] == slot * 1_000 + section).all()
    used = int(sparse.arrays.numbers[USED_LINES])
    sparse.forget(SLOTS.tolist())
    assert (len(sparse), int(sparse.arrays.numbers[HELD_LINES])) == (0, 0)
    rows = sparse.make("s8", SLOTS)
    assert sparse.arrays.words[rows * LINE].tolist() == [slot << SECTION_BITS | 8 for slot in SLOTS.tolist()]
    assert int(sparse.arrays.numbers[USED_LINES]) == used, "lines that are free again are taken before others"
