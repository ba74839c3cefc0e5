"""CatBoost's own scores and Shapley values, number for number, from arrays alone."""

import itertools
import pathlib
from concurrent.futures import ThreadPoolExecutor

import hypothesis.strategies as st
import numpy as np
import pytest
from catboost import CatBoostClassifier, Pool
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray

from detectors.boosted.catboost_export import arrays_of_catboost
from detectors.boosted.leaf_shares import expected_values, shares_of_leaves
from detectors.boosted.symmetric_trees import BoostedScoring
from detectors.catalogue import score_from
from detectors.learner import Arrays
from detectors.snapshot import Snapshot

Stream = tuple[NDArray[np.float64], NDArray[np.float64]]
KIND = "boosted.SymmetricTrees"


def fitted(stream: Stream, **parameters: object) -> CatBoostClassifier:
    model = CatBoostClassifier(thread_count=1, allow_writing_files=False, logging_level="Silent", **({"iterations": 40} | parameters))
    return model.fit(*stream)


def exported(model: CatBoostClassifier, folder: pathlib.Path) -> Arrays:
    path = folder / "trees.json"
    model.save_model(str(path), format="json")
    return arrays_of_catboost(path.read_bytes())


@pytest.fixture
def arrays(stream: Stream, tmp_path: pathlib.Path) -> Arrays:
    return exported(fitted(stream), tmp_path)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"depth": 1},
        {"depth": 8, "iterations": 10},
        {"nan_mode": "Max"},
        {"border_count": 3},
        {"iterations": 1},
        {"class_weights": [1.0, 7.0], "bootstrap_type": "Bernoulli", "subsample": 0.5},
    ],
    ids=str,
)
def test_scores_and_contributions_equal_catboosts(
    parameters: dict[str, object], stream: Stream, later: NDArray[np.float64], tmp_path: pathlib.Path
) -> None:
    model = fitted(stream, **parameters)
    ours = BoostedScoring(exported(model, tmp_path))
    np.testing.assert_allclose(ours.log_odds_many(later), model.predict(later, prediction_type="RawFormulaVal"), rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.score_many(later), model.predict_proba(later)[:, 1], rtol=0, atol=1e-9)
    shap = model.get_feature_importance(Pool(later), type="ShapValues")
    np.testing.assert_allclose(ours.contributions_many(later), shap[:, :-1], rtol=0, atol=1e-9)
    assert ours.base == pytest.approx(shap[0, -1], abs=1e-9)
    assert np.ptp(ours.log_odds_many(later)) > 0.05


def test_monotone_trees_score_as_catboosts(stream: Stream, later: NDArray[np.float64], tmp_path: pathlib.Path) -> None:
    model = fitted(stream, monotone_constraints=[-1, 0, 0, 0, 0])
    ours = BoostedScoring(exported(model, tmp_path))
    np.testing.assert_allclose(ours.log_odds_many(later), model.predict(later, prediction_type="RawFormulaVal"), rtol=0, atol=1e-9)
    greater = later.copy()
    greater[:, 0] += 50.0
    assert (ours.log_odds_many(greater) <= ours.log_odds_many(later)).all()


def test_a_number_at_a_border_goes_where_catboost_sends_it(stream: Stream, tmp_path: pathlib.Path) -> None:
    model = fitted(stream)
    arrays = exported(model, tmp_path)
    borders = np.repeat(arrays["borders"][: arrays["border_counts"][0], None], 5, axis=1)
    near = np.vstack([borders, np.nextafter(borders, np.inf), np.nextafter(borders, -np.inf), borders * (1 + 1e-7)])
    np.testing.assert_array_equal(BoostedScoring(arrays).log_odds_many(near), model.predict(near, prediction_type="RawFormulaVal"))


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 200])
def test_a_row_scores_the_same_in_any_batch(rows: int, arrays: Arrays, later: NDArray[np.float64]) -> None:
    scoring = BoostedScoring(arrays)
    np.testing.assert_array_equal(scoring.score_many(later[:rows]), scoring.score_many(later)[:rows])
    np.testing.assert_array_equal(scoring.contributions_many(later[:rows]), scoring.contributions_many(later)[:rows])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_beyond_all_measure_counts_as_missing(value: float, arrays: Arrays, later: NDArray[np.float64]) -> None:
    missing, beyond = later.copy(), later.copy()
    missing[:, 1], beyond[:, 1] = np.nan, value
    np.testing.assert_array_equal(BoostedScoring(arrays).score_many(missing), BoostedScoring(arrays).score_many(beyond))


def test_contributions_add_up_to_the_log_odds(arrays: Arrays, later: NDArray[np.float64]) -> None:
    scoring = BoostedScoring(arrays)
    np.testing.assert_allclose(scoring.contributions_many(later).sum(axis=1) + scoring.base, scoring.log_odds_many(later), atol=1e-9)


def test_a_decoded_snapshot_scores_as_the_trees_did(arrays: Arrays, later: NDArray[np.float64]) -> None:
    decoded = Snapshot.decode(Snapshot("m", "hash", 1, 0, arrays, KIND).encode())
    np.testing.assert_array_equal(score_from(decoded.kind, decoded.arrays).score_many(later), BoostedScoring(arrays).score_many(later))


@pytest.mark.parametrize("name", ["borders", "border_counts", "split_input", "split_bin", "leaf_values", "leaf_weights", "bias"])
def test_arrays_that_are_no_trees_are_refused(name: str, arrays: Arrays) -> None:
    with pytest.raises(ValueError, match="array"):
        score_from(KIND, {each: array for each, array in arrays.items() if each != name})
    with pytest.raises(ValueError, match="array"):
        score_from(KIND, arrays | {name: arrays[name][:-1]})


@pytest.mark.parametrize(
    ("name", "value"),
    [("split_input", 5), ("split_input", -1), ("border_counts", -1), ("leaf_values", np.nan), ("leaf_weights", -1.0), ("borders", np.inf)],
)
def test_contents_that_make_no_sense_are_refused(name: str, value: float, arrays: Arrays) -> None:
    spoiled = arrays[name].copy()
    spoiled.flat[0] = value
    with pytest.raises(ValueError, match="array"):
        score_from(KIND, arrays | {name: spoiled})


@pytest.mark.parametrize("text", [b"", b"{}", b'{"oblivious_trees": []}', b"[1]", b'{"trees": [], "scale_and_bias": [1, [0]]}'])
def test_a_document_that_is_no_model_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="expected CatBoost's JSON"):
        arrays_of_catboost(text)


@settings(max_examples=examples(60))
@given(levels=st.integers(1, 4), inputs=st.integers(1, 3), seed=st.integers(0, 2**31))
def test_shares_are_shapleys_by_his_own_sum_over_all_orders(levels: int, inputs: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    asks = generator.integers(0, inputs, (1, levels)).astype(np.int32)
    values = generator.normal(size=(1, 1 << levels))
    weights = generator.integers(0, 3, (1, 1 << levels)).astype(np.float64)
    shares = shares_of_leaves(asks, values, weights)[0]
    players = sorted(set(asks[0].tolist()))
    for leaf in range(1 << levels):
        expected = dict.fromkeys(players, 0.0)
        orders = list(itertools.permutations(players))
        for order in orders:
            for at, player in enumerate(order):
                before, after = (_mean(asks[0], values[0], weights[0], leaf, set(order[:known])) for known in (at, at + 1))
                expected[player] += after - before
        for player in players:
            got = shares[leaf][asks[0] == player].sum()
            assert got == pytest.approx(expected[player] / len(orders), abs=1e-9)
    if weights.sum():
        assert expected_values(values, weights)[0] == pytest.approx(np.average(values[0], weights=weights[0]))


def _mean(asks: NDArray[np.int32], values: NDArray[np.float64], weights: NDArray[np.float64], leaf: int, known: set[int]) -> float:
    """The mean value below the root, walking down: a known input goes the way of the leaf, another one both ways by weight."""

    def below(level: int, prefix: int) -> float:
        if level < 0:
            return float(values[prefix])
        bit = 1 << level
        if asks[level] in known:
            return below(level - 1, prefix | (leaf & bit))
        both = [weight_of(level, prefix), weight_of(level, prefix | bit)]
        share = both[1] / sum(both) if sum(both) else 0.5
        return (1 - share) * below(level - 1, prefix) + share * below(level - 1, prefix | bit)

    def weight_of(level: int, prefix: int) -> float:
        return float(sum(weights[other] for other in range(len(weights)) if other >> level == prefix >> level))

    return below(len(asks) - 1, 0)


def test_rows_are_scored_alike_from_several_threads_at_once(arrays: Arrays, later: NDArray[np.float64]) -> None:
    scoring = BoostedScoring(arrays)
    parts = [later[seed::7].copy() for seed in range(7)]
    alone = [scoring.score_many(part).tobytes() for part in parts]
    with ThreadPoolExecutor(7) as threads:
        for _ in range(200):
            assert [scores.tobytes() for scores in threads.map(scoring.score_many, parts)] == alone
