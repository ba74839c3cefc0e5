"""CPU time of detectors a value, in batches of 256 values of 20,000 keys; River's own beside them in the same run, where it has the method.

Before any time is taken, River's scores are compared with those of the arrays.
"""

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from river import anomaly

from detectors.catalogue import KEYED, POPULATIONS
from detectors.half_space.half_space_scoring import HalfSpaceScoring
from detectors.half_space.half_space_trees import HalfSpaceTrees
from detectors.keyed.category_counts import CategoryCounts, Population
from detectors.keyed.category_surprise import CategorySurprise
from detectors.scores.cauchy_combination import CauchyCombination, CauchyScoring

BATCH, KEYS, BATCHES, TURNS = 256, 20_000, 400, 5
BAR_KEYED_US, BAR_CATEGORY_US, BAR_TREES_US, BAR_COMBINED_US = 0.3, 0.5, 0.8, 0.6
INPUTS = 5
Call = Callable[[int], object]


def values() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    draw = np.random.default_rng(1)
    return draw.integers(0, KEYS, (BATCHES, BATCH)), np.round(draw.lognormal(3.0, 1.0, (BATCHES, BATCH)), 2)


def keyed_calls() -> Iterator[tuple[str, Call, float]]:
    """Each detector of keys, which all have had 100 values before."""
    slots, x = values()
    every, out = np.tile(np.arange(KEYS), 100), np.empty(BATCH)
    before = np.round(np.random.default_rng(2).lognormal(3.0, 1.0, len(every)), 2)
    for name, make in KEYED.items():
        detector = make()
        state = np.zeros((KEYS, detector.width))
        if name in POPULATIONS:
            continue
        detector.score_learn_many(state, every, before, np.empty(len(every)))
        yield name, lambda at, detector=detector, state=state: detector.score_learn_many(state, slots[at], x[at], out), BAR_KEYED_US


def category_call() -> tuple[str, Call, float]:
    """Keys with habits over 1,000 texts, all of which the population knows."""
    draw = np.random.default_rng(3)
    words = draw.random(1_000)
    popular = 1.0 / np.arange(1.0, 1_001.0)
    every = np.tile(np.arange(KEYS), 100)
    before, x = (draw.choice(words, size, p=popular / popular.sum()) for size in (len(every), (BATCHES, BATCH)))
    counts = CategoryCounts()
    counts.learn(before)
    population, detector = Population(counts.snapshot()), CategorySurprise()
    state, out, slots = np.zeros((KEYS, detector.width)), np.empty(BATCH), values()[0]
    detector.score_learn_among(state, every, before, np.empty(len(every)), population)
    call = lambda at: detector.score_learn_among(state, slots[at], x[at], out, population)  # noqa: E731  # a name of its own says no more
    return "anomaly.CategorySurprise", call, BAR_CATEGORY_US


def rows() -> NDArray[np.float64]:
    return np.random.default_rng(4).random((BATCHES, BATCH, INPUTS))


def trees_calls() -> Iterator[tuple[str, Call, float]]:
    x = rows()
    learner = HalfSpaceTrees(INPUTS, n_trees=10, height=8, window_size=250)
    learner.learn_many(x[:20].reshape(-1, INPUTS))
    scoring = HalfSpaceScoring(learner.snapshot())
    yield "anomaly.HalfSpaceTrees 10 x 8, scored", lambda at: scoring.score_many(x[at]), BAR_TREES_US
    yield "the same, learned", lambda at: learner.learn_many(x[at]), BAR_TREES_US
    combination = CauchyCombination(3)
    combination.learn_many(x[:40, :, :3].reshape(-1, 3))
    combined, three = CauchyScoring(combination.snapshot()), np.ascontiguousarray(x[:, :, :3])
    yield "combine.Cauchy of three, scored", lambda at: combined.score_many(three[at]), BAR_COMBINED_US


def river_calls() -> Iterator[tuple[str, Call]]:
    """River's own, a value after the other, checked against the arrays."""
    _, x = values()
    gaussian, own = anomaly.GaussianScorer(grace_period=100), KEYED["anomaly.GaussianScorer"]()
    theirs, ours = [], np.empty(BATCH)
    for value in x[0].tolist():
        theirs.append(gaussian.score_one(None, value))
        gaussian.learn_one(None, value)
    own.score_learn_many(np.zeros((1, own.width)), np.zeros(BATCH, np.int64), x[0], ours)
    assert np.allclose(theirs, ours, rtol=1e-9, atol=1e-12)
    yield "River's GaussianScorer", lambda at: [_scored_and_learned(gaussian, value) for value in x[at].tolist()]
    trees = anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=250, seed=42)
    dictionaries = [[dict(enumerate(row)) for row in batch] for batch in rows()[:40].tolist()]
    for row in (row for batch in dictionaries[:2] for row in batch):
        trees.learn_one(row)
    yield "River's HalfSpaceTrees, scored", lambda at: [trees.score_one(row) for row in dictionaries[at % 40]]


def _scored_and_learned(detector: anomaly.GaussianScorer, value: float) -> float:
    score: float = detector.score_one(None, value)
    detector.learn_one(None, value)
    return score


def cpu_us(call: Call, batches: int) -> float:
    """The least CPU time of several turns, in µs a value."""
    took = []
    for _ in range(TURNS):
        began = time.process_time()
        for at in range(batches):
            call(at)
        took.append((time.process_time() - began) / (batches * BATCH) * 1e6)
    return min(took)


def main() -> int:
    missed = 0
    for name, call, bar in (*keyed_calls(), category_call(), *trees_calls()):
        found = cpu_us(call, BATCHES)
        missed += found > bar
        print(f"{name:45} {found:8.3f} µs   bar {bar} µs{'' if found <= bar else '   missed'}")
    for name, call in river_calls():
        print(f"{name:45} {cpu_us(call, 10):8.3f} µs")
    return missed


if __name__ == "__main__":
    sys.exit(main())
