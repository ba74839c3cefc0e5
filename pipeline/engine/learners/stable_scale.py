"""The map of a model onto the stable scale, fitted anew for each of its snapshots on the events that the model before it scored."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.learner import Arrays
from detectors.scores.score_map import COUNT_MIN, ScoreMap, fit_quantiles, fit_replacement
from detectors.scores.tail_sample import HIGHEST_KEPT, TailSample

REFERENCE_EVENTS = 200_000
"""The number of events after which most of a reference population is replaced, and the greatest number of events of one sample."""

HIGHEST_KEPT_MAX = 4_096
"""Of each rate of a sample, see `TailSample`. Two models that agree on four of five events above a score then differ in the share above
it by about a hundredth of itself, which is what `REFERENCE_EVENTS` themselves allow at a share of one in a hundred."""
_KEPT_BYTES = 1 << 19
"""Of each rate of a sample: models with many inputs keep fewer events, so that a learner's record stays of a few MB."""


class StableScale:
    """Samples the latest events of one model, and fits its map.

    Each sample holds as many events as all before it, but at most `REFERENCE_EVENTS`; the newest two are used. So the first events of a
    system, whose windows are still empty, soon count no more.

    Until a sample has had `REFERENCE_EVENTS`, each map says how many of these events score lower by the new snapshot. From then on each map
    replaces the one before it: the share of events above each score stays, but for the part of the reference population that new events
    replace, one in `REFERENCE_EVENTS` each. A detector without a snapshot has one raw scale for good, and its map stays as it is then.

    Args:
        width: the number of inputs that the model scores an event by; 0 for a detector whose raw score cannot be computed again.
    """

    def __init__(self, width: int) -> None:
        self.map: ScoreMap | None = None
        self._width = width
        self._complete = False
        self._seen = 0
        self._new = 0  # since the last map was fitted
        self._samples = [self._new_sample()]

    def see(self, keys: NDArray[np.int64], raw: NDArray[np.float64], inputs: NDArray[np.float64]) -> None:
        """Takes in events, each once and in any order.

        Args:
            keys: [n] of the events.
            raw: [n] raw scores as served; NaN where the model was not ready.
            inputs: [n, inputs] that the scores were given by; not looked at if `width` is 0.
        """
        if self._complete and not self._width:
            return
        scores = self.map.apply(raw) if self.map is not None else np.full(len(raw), 0.5)
        known = ~np.isnan(scores if self._width else raw)
        rows = np.column_stack([inputs, scores] if self._width else [raw])
        self._samples[-1].add(keys[known], scores[known], rows[known])
        self._seen += int(known.sum())
        self._new += int(known.sum())

    def fit(self, score_many: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None) -> ScoreMap | None:
        """Fits and returns the map of a new snapshot, which becomes that before the next; None before the first event.

        Args:
            score_many: gives raw scores of rows by the new snapshot; None for a detector without one.
        """
        weights, rows = self._events()
        count = sum(sample.count for sample in self._samples)
        if self._complete and (score_many is None or count < COUNT_MIN):
            return self.map
        if not len(rows):
            return None
        raw = rows[:, 0] if score_many is None else score_many(np.ascontiguousarray(rows[:, :-1]))
        renewed = min(self._new / REFERENCE_EVENTS, 1.0)
        self.map = fit_replacement(raw, rows[:, -1], weights, count, renewed) if self._complete else fit_quantiles(raw, weights, count)
        self._new = 0
        if score_many is not None:
            self._note(self.map.apply(raw))
        self._turn()
        return self.map

    def state(self, sampled: bool = True) -> Arrays:
        """Returns what `resume` takes.

        Args:
            sampled: with the sample, which takes most of it. Without it a map that is complete goes on from new events.
        """
        knots = {f"map.{name}": array for name, array in (self.map.arrays() if self.map else {}).items()}
        state = {**knots, "seen": np.array([self._complete, self._seen, self._new], np.int64)}
        for position, sample in enumerate(self._samples if sampled else ()):
            state |= {f"{position}.{name}": array for name, array in sample.state().items()}
        return state

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`; one without a sample of a map that is not complete begins anew."""
        samples: list[TailSample] = []
        while f"{len(samples)}.count" in state:
            sample = self._new_sample()
            sample.restore(_part(state, f"{len(samples)}."))
            samples.append(sample)
        complete, seen, new = state["seen"].tolist() if "seen" in state else (0, 0, 0)
        if samples or complete:
            self._samples, self._complete, self._seen, self._new = samples or self._samples, bool(complete), seen, new
            self.map = ScoreMap.from_arrays(_part(state, "map."))

    def _new_sample(self) -> TailSample:
        return TailSample(self._width + 1, _kept(self._width + 1))

    def _events(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        each = [sample.events() for sample in self._samples]
        return np.concatenate([weights for weights, _ in each]), np.concatenate([rows for _, rows in each]).astype(np.float64)

    def _note(self, scores: NDArray[np.float64]) -> None:
        """Keeps the scores of the events by the new map: they are those before when it is replaced."""
        for sample in self._samples:
            _, rows = sample.events()
            sample.replace(np.column_stack([rows[:, :-1], scores[: len(rows)]]))
            scores = scores[len(rows) :]

    def _turn(self) -> None:
        """Begins a new sample when the newest is full; the one before it stays for as long as the new one is filled."""
        count = self._samples[-1].count
        if count >= min(REFERENCE_EVENTS, max(COUNT_MIN, self._seen // 2)):
            self._complete |= count >= REFERENCE_EVENTS
            self._samples = [self._samples[-1], self._new_sample()]


def _kept(width: int) -> int:
    """Returns how many events a sample keeps of each rate, by the numbers of each event: two of 8 bytes, and `width` of 4."""
    return min(max(_KEPT_BYTES // (16 + 4 * width), HIGHEST_KEPT), HIGHEST_KEPT_MAX)


def event_hash_keys(id_keys: NDArray[np.int64], times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns a key [n] of each event that is the same live and in replay; ids alone may repeat from one user to the next."""
    keys: NDArray[np.int64] = id_keys * np.int64(-7046029254386353131) + times_ms
    return keys


def _part(state: dict[str, NDArray[Any]], prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
