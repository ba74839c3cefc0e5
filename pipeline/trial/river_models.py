"""What a release's models of River cost, measured, and which of them may not decide on live events."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import numpy as np

from detectors.catalogue import RIVER, learner_of, score_from
from detectors.river.allowed import for_replay_only
from foundation.refusal import Refusal
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release, models_of
from pipeline.trial.river_cost import RiverCost

LEARNED: Final = 300
SCORED: Final = 50


def refuse_what_is_for_replay_only(release: Release) -> None:
    """Refuses a release with a model that holds up decisions.

    Raises:
        Refusal: names the model, its class and why.
    """
    for model in of_river(release.models):
        why = for_replay_only(model.parameters["steps"])  # type: ignore[arg-type]
        if why:
            raise Refusal(
                "model for replays only",
                where=f"models.yaml: {model.name}",
                expected="a model that scores an event within microseconds",
                got=why,
                remedy="try it as a challenger in `weir replay`, which runs it, and name another here",
            )


def of_river(models: Iterable[Model]) -> list[Model]:
    """Returns those of `models` that River itself runs."""
    return [model for model in models if model.model in RIVER]


def costs_of(texts: Mapping[str, str], names: Collection[str]) -> dict[str, RiverCost]:
    """Measures models of River by the texts of a release that compiles, by part; it imports River, which takes seconds of CPU.

    Args:
        names: of models of River of these texts.
    """
    models = models_of(texts["models"], texts["features"], texts["schema"])
    return {model.name: _measured(model) for model in models if model.name in names}


def cost_lines(release: Release) -> Iterator[str]:
    """Measures each model of River of a release, and says in words what it costs; see `costs_of`."""
    for model in of_river(release.models):
        cost = _measured(model)
        yield (
            f"model {model.name}: River takes about {cost.score_us:,.0f} µs of CPU to score an event and {cost.learn_us:,.0f} µs to learn "
            f"from one (after {LEARNED}; trees that grow take more); a snapshot has {cost.snapshot_bytes / 1_000:,.0f} kB"
        )


def _measured(model: Model) -> RiverCost:
    generator = np.random.default_rng(1)
    rows = generator.random((LEARNED, len(model.inputs)))
    learner = learner_of(model.model)(len(model.inputs), **model.parameters)
    began = time.thread_time()
    learner.learn_many(rows, (rows[:, 0] > 0.8).astype(np.float64))
    learned = time.thread_time()
    scoring = score_from(model.model, learner.snapshot())
    read = time.thread_time()
    scoring.score_many(rows[:SCORED])
    scored = time.thread_time()
    size_bytes = sum(array.nbytes for array in learner.snapshot().values())
    return RiverCost((scored - read) / SCORED * 1e6, (learned - began) / LEARNED * 1e6, size_bytes)
