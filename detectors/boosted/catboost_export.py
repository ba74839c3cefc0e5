"""Reads the trees that CatBoost writes as JSON into the arrays of a snapshot; CatBoost itself is not needed for it."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.boosted.symmetric_trees import BORDERS_MAX
from detectors.learner import Arrays


class _Input(msgspec.Struct, frozen=True):
    flat_feature_index: int
    borders: list[float] | None = None
    nan_value_treatment: str = "AsIs"


class _Inputs(msgspec.Struct, frozen=True):
    float_features: list[_Input]


class _Split(msgspec.Struct, frozen=True):
    float_feature_index: int
    border: float
    split_type: str


class _Tree(msgspec.Struct, frozen=True):
    leaf_values: list[float]
    leaf_weights: list[float]
    splits: list[_Split] | None = None


class _Model(msgspec.Struct, frozen=True):
    features_info: _Inputs
    oblivious_trees: list[_Tree]
    scale_and_bias: tuple[float, list[float]]


def arrays_of_catboost(text: bytes) -> Arrays:
    """Reads what `save_model(format="json")` of CatBoost 1.2 wrote of a binary classifier with numbers alone as inputs.

    Returns:
        The arrays that `detectors.boosted.symmetric_trees.BoostedScoring` takes; its log odds equal CatBoost's raw values to 1e-9.

    Raises:
        ValueError: this is no such model.
    """
    try:
        model = msgspec.json.decode(text, type=_Model)
    except msgspec.MsgspecError as error:
        raise ValueError(f"expected CatBoost's JSON of symmetric trees over numbers, got another document: {error}") from error
    inputs = sorted(model.features_info.float_features, key=lambda each: each.flat_feature_index)
    borders = [np.array(each.borders or [], np.float32).astype(np.float64) for each in inputs]
    if any(len(each) > BORDERS_MAX for each in borders):
        raise ValueError(f"expected at most {BORDERS_MAX} borders an input, got more")
    levels = max((len(tree.splits or ()) for tree in model.oblivious_trees), default=0)
    return {
        "borders": np.concatenate(borders) if borders else np.empty(0),
        "border_counts": np.array([len(each) for each in borders], "<i4"),
        "missing_is_greatest": np.array([each.nan_value_treatment == "AsTrue" for each in inputs], np.uint8),
        "bias": np.array([sum(model.scale_and_bias[1])]),
        **_trees(model, borders, max(levels, 1)),
    }


def _trees(model: _Model, borders: list[NDArray[np.float64]], levels: int) -> Arrays:
    """Trees of less than `levels` levels ask further questions that no row answers with yes, and whose answer would change nothing."""
    trees = len(model.oblivious_trees)
    split_input, split_bin = np.zeros((trees, levels), "<i4"), np.full((trees, levels), BORDERS_MAX, np.uint8)
    values, weights = np.zeros((trees, 1 << levels)), np.zeros((trees, 1 << levels))
    for at, tree in enumerate(model.oblivious_trees):
        for level, split in enumerate(tree.splits or ()):
            if split.split_type != "FloatFeature":
                raise ValueError(f"expected splits of numbers, got one of the type {split.split_type!r}")
            split_input[at, level] = split.float_feature_index
            split_bin[at, level] = np.searchsorted(borders[split.float_feature_index], np.float64(np.float32(split.border)))
        values[at] = np.tile(tree.leaf_values, (1 << levels) // len(tree.leaf_values))
        weights[at, : len(tree.leaf_weights)] = tree.leaf_weights
    scale = model.scale_and_bias[0]
    return {"split_input": split_input, "split_bin": split_bin, "leaf_values": values * scale, "leaf_weights": weights}
