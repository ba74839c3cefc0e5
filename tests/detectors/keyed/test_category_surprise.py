"""The surprise of a category against its definition over plain dictionaries, and a synthetic masquerade."""

from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray

from detectors.keyed.category_counts import NOBODY, VALUES_MAX, CategoryCounts, Population
from detectors.keyed.category_surprise import CategorySurprise

USERS, TRAINING, BLOCK = 12, 1_500, 100


def population_of(words: NDArray[np.float64]) -> Population:
    counts = CategoryCounts()
    counts.learn(words)
    return Population(counts.snapshot())


def surprise(x: NDArray[np.float64], population: Population = NOBODY, **parameters: float) -> NDArray[np.float64]:
    detector = CategorySurprise(**parameters)  # type: ignore[arg-type]  # as models.yaml gives them
    out = np.empty(len(x))
    detector.score_learn_among(np.zeros((1, detector.width)), np.zeros(len(x), np.int64), x, out, population)
    return out


@settings(max_examples=examples(60))
@given(
    own=st.lists(st.integers(1, 12), min_size=1, max_size=40),
    others=st.lists(st.integers(1, 12), max_size=60),
    strength=st.floats(0.1, 10.0),
)
def test_a_score_is_the_share_among_all_against_the_smoothed_own_share(own: list[int], others: list[int], strength: float) -> None:
    everybody = Counter(own) + Counter(others)
    population = population_of(np.array([*own, *others], np.float64) / 16.0)
    found = surprise(np.array(own, np.float64) / 16.0, population, grace_period=1, strength=strength)
    seen: Counter[int] = Counter()
    for at, value in enumerate(own):
        if at:
            rest = sum(everybody.values()) - at
            share = (everybody[value] - seen[value] + 1.0 / (len(everybody) + 2.0)) / (rest + 1.0)
            ratio = share * (at + strength) / (seen[value] + strength * share)
            assert found[at] == pytest.approx(ratio / (1.0 + ratio), rel=1e-9)
        seen[value] += 1


def test_what_others_often_do_and_the_key_never_did_is_strange_and_its_own_rarity_is_not() -> None:
    common, rare = 0.25, 0.75
    population = population_of(np.append(np.full(5_000, common), np.full(20, rare)))
    scores = surprise(np.append(np.full(20, rare), [common, rare]), population)
    assert scores[-2] > 0.9
    assert scores[-1] < 0.05


def test_a_half_life_gathers_the_surprise_of_several_values() -> None:
    x = np.append(np.full(200, 0.25), np.arange(1.0, 1.5, 0.05))
    alone, gathered = surprise(x), surprise(x, half_life=5.0)
    assert alone[200] > gathered[200]
    assert (np.diff(gathered[200:]) > 0.0).all()


def test_no_more_values_are_remembered_than_there_is_room_for_and_frequent_ones_stay() -> None:
    usual = np.tile([0.25, 0.5, 0.75], 100)
    x = np.concatenate((usual, np.random.default_rng(2).random(200), usual[:3]))
    scores = surprise(x, values=16)
    assert scores[-3:].max() < 0.75 < 0.99 < scores[300:500].min()


def test_counts_forget_and_have_a_bound() -> None:
    counts = CategoryCounts()
    counts.learn(np.random.default_rng(1).random(VALUES_MAX + 500))
    found = counts.snapshot()
    assert (len(found["words"]), found["total"][0]) == (VALUES_MAX, VALUES_MAX + 500)
    pieces, again = CategoryCounts(), CategoryCounts()
    words = np.random.default_rng(2).integers(1, 300, 5_000) / 512.0
    again.learn(words)
    for part in np.array_split(words, 7):
        pieces.learn(part)
        state = pieces.state()
        pieces = CategoryCounts()
        pieces.restore(state)
    assert all(pieces.state()[name].tobytes() == array.tobytes() for name, array in again.state().items())


def commands(habits: NDArray[np.float64], n: int, draw: np.random.Generator) -> NDArray[np.float64]:
    return draw.choice(np.arange(1.0, len(habits) + 1.0), n, p=habits) / 1_024.0


def test_a_masquerade_is_found_at_five_percent_of_false_alarms() -> None:
    """Users have habits over 300 commands; a block of 100 of another user's commands, whom nobody knows, stands among own blocks."""
    draw = np.random.default_rng(7)
    popular = 1.0 / np.arange(1.0, 301.0)
    habits = [popular * draw.gamma(0.25, size=300) for _ in range(2 * USERS)]
    habits = [own / own.sum() for own in habits]
    trained = [commands(own, TRAINING, draw) for own in habits[:USERS]]
    population = population_of(np.concatenate(trained))
    own_blocks, strange_blocks = [], []
    for user in range(USERS):
        for block in range(20):
            strange = block % 5 == 4
            x = commands(habits[USERS + (user + block) % USERS] if strange else habits[user], BLOCK, draw)
            detector, out = CategorySurprise(half_life=50.0), np.empty(TRAINING + BLOCK)
            x = np.append(trained[user], x)
            detector.score_learn_among(np.zeros((1, detector.width)), np.zeros(len(x), np.int64), x, out, population)
            (strange_blocks if strange else own_blocks).append(out[-1])
    alarm = np.quantile(own_blocks, 0.95)
    assert (np.array(strange_blocks) > alarm).mean() >= 0.82


@pytest.mark.parametrize("parameters", [{"values": 20}, {"half_life": -1.0}, {"strength": 0.0}, {"memory": 5}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        CategorySurprise(**parameters)  # type: ignore[arg-type]  # a float among the whole numbers
