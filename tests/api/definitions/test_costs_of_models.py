"""An upload is answered with what its new models of River cost."""

from collections.abc import Collection, Mapping

import pytest
from api_imitation import TEXTS, Api

from pipeline.trial.river_cost import RiverCost

NEW = "- {name: odd, kind: river, model: anomaly.GaussianScorer, inputs: [event.amount]}\n"


async def test_new_models_of_river_are_measured_and_the_answer_says_what_they_cost(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def measure(texts: Mapping[str, str], names: Collection[str]) -> dict[str, RiverCost]:
        assert NEW in texts["models"]
        asked.append([*names])
        return {name: RiverCost(12.5, 30.0, 4_000) for name in names}

    monkeypatch.setattr(api.definitions, "_measure_models", measure)
    answer = (await api.client.put("/v1/models", content=TEXTS["models"] + NEW)).raise_for_status().json()
    assert answer["models"] == {"odd": {"score_us": 12.5, "learn_us": 30.0, "snapshot_bytes": 4_000}}
    features = TEXTS["features"] + "- {name: count_9h, template: count, window: 9h}\n"
    assert "models" not in (await api.client.put("/v1/features", content=features)).raise_for_status().json()
    assert asked == [["odd"]]
