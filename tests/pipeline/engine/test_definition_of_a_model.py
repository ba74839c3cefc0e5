"""What makes a model another one, so that nothing learned for the one scores for the other."""

import pytest

from pipeline.engine.definitions.release import compile_release

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: u\nfields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: pace, template: count, window: 1m}\n- {name: spent, template: sum, value: event.amount, window: 1h}\n",
    "models": "- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount, feature.pace], parameters: {seed: 1}}\n",
    "policy": "score: first_ready(shape)\nbands: [{below: 0.9, action: approve}, {action: block}]\nfallback: {action: approve}\n",
}


def definition_of(part: str, old: str, new: str) -> str:
    """The model's definition where `old` in one part reads `new`."""
    assert old in TEXTS[part]
    [model] = compile_release(1, TEXTS | {part: TEXTS[part].replace(old, new)}).models
    return model.definition


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("models", "seed: 1", "seed: 2"),
        ("models", "[event.amount, feature.pace]", "[feature.pace]"),
        ("features", "window: 1m", "window: 5m"),
    ],
)
def test_other_parameters_inputs_or_meanings_of_a_feature_it_reads_make_another_model(part: str, old: str, new: str) -> None:
    assert definition_of(part, old, new) != definition_of(part, old, old)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [("features", "window: 1h", "window: 2h"), ("policy", "0.9", "0.8"), ("models", "name: shape, kind", "name:  shape,  kind")],
)
def test_what_it_does_not_read_leaves_it_as_it_is(part: str, old: str, new: str) -> None:
    assert definition_of(part, old, new) == definition_of(part, old, old)
