import pathlib

import pytest

from foundation.refusal import Refusal
from pipeline.engine.definitions.feature_catalogue import catalogue_of_release
from pipeline.engine.definitions.part_names import PARTS
from pipeline.engine.definitions.release import Release, compile_release

SAMPLE = pathlib.Path(__file__).parents[3] / "deploy/samples/payments"
TEXTS = {part: (SAMPLE / f"{part}.yaml").read_text() for part in PARTS}
RATIO = """
- {name: ratio, expression: event.amount / feature.usual_amount_30d}
"""
MODELS = """
- {name: own_ratio, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [feature.ratio]}
"""


def release_of(features: str) -> Release:
    return compile_release(1, TEXTS | {"features": features, "models": TEXTS["models"] + MODELS})


def definition_of(features: str) -> str:
    return release_of(features).models[-1].definition


def test_the_catalogue_of_a_release_names_models_and_expressions() -> None:
    catalogue = catalogue_of_release(release_of(TEXTS["features"] + RATIO))
    assert catalogue["ratio"].used_by == ("model own_ratio",)
    assert "expression ratio" in catalogue["usual_amount_30d"].used_by
    assert list(catalogue)[-1] == "ratio"


def test_a_model_whose_feature_is_gone_is_refused_by_name() -> None:
    with pytest.raises(Refusal, match=r"models.yaml:\d+:\d+: unknown feature: .* since model own_ratio reads it, got feature.ratio"):
        release_of(TEXTS["features"])


def test_what_a_model_learned_counts_for_the_features_behind_its_inputs() -> None:
    features = TEXTS["features"] + RATIO
    changed = features.replace("template: mean, value: event.amount, window: 30d", "template: mean, value: event.amount, window: 20d")
    assert changed != features
    assert definition_of(changed) != definition_of(features)


def test_what_is_said_of_a_feature_to_people_lets_a_model_keep_what_it_learned() -> None:
    features = TEXTS["features"] + RATIO
    told = features.replace("{name: ratio,", "{name: ratio, description: beside the usual, owner: cards,")
    assert definition_of(told) == definition_of(features)
