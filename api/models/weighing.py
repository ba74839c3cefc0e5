"""Tells how much each input of a model of the release in force moves its score."""

import asyncio

from api.definitions.in_force import InForce
from api.models.model_shapes import ModelImportance, WeighedInput
from api.models.standings import model_of
from pipeline.comparison.importance import Moved, moved_by
from pipeline.comparison.known_outcomes import DAY_MS
from pipeline.comparison.unchanged import Unchanged
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release
from stores.effects import Effects
from stores.trained_models import TrainedModels

DAYS = 7
"""Looked at are the events of so many days: what moves the score now, and few enough to be read at once."""


class Weighing:
    """Weighs inputs. Only the event loop may use it; the stores are asked in threads.

    Args:
        effects: keeps the sample of scored events.
        trained: keeps what is known of models that were trained beside the stream.
        unchanged: knows in which releases a model is the same.
    """

    def __init__(self, effects: Effects, trained: TrainedModels, unchanged: Unchanged, in_force: InForce) -> None:
        self._effects = effects
        self._trained = trained
        self._unchanged = unchanged
        self._in_force = in_force

    async def importance(self, name: str) -> ModelImportance:
        """What moves the score of the model `name`: by decisions whose score it gave, or else by its newest training.

        Raises:
            Problem: 404, there is no such model; 503, no release is in force.
            StoreUnavailableError: a store does not answer.
        """
        release, _ = self._in_force.require()
        model = model_of(release, name)
        return await asyncio.to_thread(self._importance, release, model)

    def _importance(self, release: Release, model: Model) -> ModelImportance:
        from_ms = max(0, (self._effects.newest_ms() // DAY_MS + 1 - DAYS) * DAY_MS)
        events = self._effects.scored_sample(from_ms, numbers=True).events
        same = self._unchanged.models(release, {event.release for event in events})
        count, moved = moved_by(model.name, events, same[model.name])
        if moved:
            return ModelImportance(model.name, "decisions", from_ms, count, _of_decisions(moved))
        return self._of_training(model)

    def _of_training(self, model: Model) -> ModelImportance:
        for one in self._trained.of(model.name):
            if one.definition == model.definition and one.report.get("importance"):
                return ModelImportance(
                    model.name, "training", one.report["from_ms"], one.report["events"], _of_training(one.report["importance"])
                )
        return ModelImportance(model.name, "", 0, 0, [])


def _of_decisions(moved: list[Moved]) -> list[WeighedInput]:
    whole = sum(each.size for each in moved) or 1.0
    return [WeighedInput(each.name, each.size, each.size / whole, each.raises) for each in moved]


def _of_training(sizes: dict[str, float]) -> list[WeighedInput]:
    whole = sum(sizes.values()) or 1.0
    return [WeighedInput(name, size, size / whole, None) for name, size in sizes.items()]
