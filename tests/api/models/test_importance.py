"""What moves a model's score is told by the decisions that it gave, or else by its training."""

import msgspec
import numpy as np
import pytest
from api_imitation import TEXTS, Api

from api.models.model_shapes import ModelImportance
from stores.effects import Work
from stores.offsets import Progress
from stores.relational.trained_models import RelationalTrainedModels
from stores.scored_events import ScoredEvent, sample_place
from stores.trained_models import TrainedModel

DAY_MS = 86_400_000
NOW_MS = 20_000 * DAY_MS
MODELS = TEXTS["models"] + "- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount, feature.count_1h]}\n"


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    """A model of two inputs."""
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS | {"models": MODELS})).raise_for_status()


def decided(api: Api, count: int, days_ago: int = 0, release: int | None = None) -> None:
    """Events whose scores `shape` gave: the amount moves them up by 0.3 or down by 0.1, in turn, and the count by 0.05 up."""
    id = api.in_force.require()[0].id if release is None else release
    day_ms = NOW_MS - days_ago * DAY_MS
    events = []
    for at in range(count):
        shares = {"shape": {"event.amount": -0.1 if at % 2 else 0.3, "feature.count_1h": 0.05}}
        own = (day_ms + at, sample_place(f"u{at}", day_ms), "approve", id, None, {"shape": 0.5}, {"event.amount": 1.0}, shares)
        events.append(ScoredEvent(f"e{days_ago}/{at}", f"u{at}", *own))
    api.effects.apply(Work(Progress({}, {f"decisions/{days_ago}": 1}), scored=events, newest_ms=NOW_MS + DAY_MS), NOW_MS)


async def importance(api: Api, name: str = "shape") -> ModelImportance:
    answer = await api.client.get(f"/v1/models/{name}:importance")
    return msgspec.json.decode(answer.raise_for_status().content, type=ModelImportance)


async def test_inputs_are_weighed_by_what_they_add_to_the_scores_of_decisions(api: Api) -> None:
    decided(api, 300)
    decided(api, 100, days_ago=3)
    found = await importance(api)
    assert (found.source, found.events) == ("decisions", 400)
    amount, count = found.inputs
    assert (amount.name, amount.size, amount.raises) == ("event.amount", pytest.approx(0.2), 0.5)
    assert (count.name, count.size, count.raises) == ("feature.count_1h", pytest.approx(0.05), 1.0)
    assert (amount.share, count.share) == (pytest.approx(0.8), pytest.approx(0.2))


async def test_what_is_old_or_was_said_by_another_model_does_not_count(api: Api) -> None:
    decided(api, 300, days_ago=10)
    decided(api, 300, days_ago=1, release=api.in_force.require()[0].id + 7)
    assert (await importance(api)).source == ""


async def test_of_a_model_that_gives_no_score_its_training_is_asked(api: Api) -> None:
    definition = next(model.definition for model in api.in_force.require()[0].models if model.name == "shape")
    trained, report = (
        RelationalTrainedModels(api.database),
        {"from_ms": 5, "events": 900, "importance": {"feature.count_1h": 0.6, "event.amount": 0.2}},
    )
    trained.add(TrainedModel("a" * 32, "shape", definition, 1, NOW_MS, report))
    trained.add(TrainedModel("b" * 32, "shape", "another", 2, NOW_MS + 1, report | {"importance": {"event.amount": 9.0}}))
    found = await importance(api)
    assert (found.source, found.events, [each.name for each in found.inputs]) == ("training", 900, ["feature.count_1h", "event.amount"])
    assert np.allclose([each.share for each in found.inputs], [0.75, 0.25])
    decided(api, 200)
    assert (await importance(api)).source == "decisions"


async def test_a_model_that_is_not_there_is_not_found(api: Api) -> None:
    assert (await api.client.get("/v1/models/other:importance")).status_code == 404
