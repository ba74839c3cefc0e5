"""Bytes of any origin make no model of River, or one of allowed classes: nothing else happens."""

import collections
import functools
import os
import random
from typing import Any

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings

from detectors.catalogue import score_from
from detectors.river import state_reading
from detectors.river.learners import RiverClassifier
from detectors.river.state_nodes import BYTES_MAX, NODES_MAX, PART
from detectors.river.state_reading import read_in_slices, read_state
from detectors.river.state_writing import write_state
from foundation.slices import completed

LOGISTIC = [("linear_model.LogisticRegression", {})]


def nodes(*table: Any) -> bytes:
    return msgspec.msgpack.encode(list(table))


def test_plain_containers_arrays_and_random_numbers_come_back_as_they_were() -> None:
    generator = random.Random(3)
    generator.gauss(0.0, 1.0)
    shared = [1, 2.5]
    given: list[Any] = [
        shared,
        (shared, frozenset({"a", "b"}), {3, 1}),
        collections.deque([1, 2], maxlen=2),
        collections.OrderedDict(b=1, a=2),
        collections.Counter({True: 2.0}),
        collections.defaultdict(functools.partial(collections.defaultdict, float), x={"y": 1}),
        np.arange(6.0).reshape(2, 3),
        np.float64(0.5),
        generator,
        float("inf"),
    ]
    back = read_state(write_state(given))
    assert back[1][0] is back[0]
    assert back[0] == shared
    assert back[1][1:] == given[1][1:]
    assert (back[2], back[2].maxlen) == (given[2], 2)
    assert list(back[3].items()) == [("b", 1), ("a", 2)]
    assert back[4:6] == given[4:6]
    assert back[5]["new"]["z"] == 0.0
    assert back[6].tobytes() == given[6].tobytes()
    assert type(back[7]) is np.float64
    assert [back[8].random(), back[8].gauss(0.0, 1.0)] == [generator.random(), generator.gauss(0.0, 1.0)]


def test_a_state_is_read_a_part_after_the_other_also_as_earlier_versions_wrote_it() -> None:
    given = [[number] for number in range(2 * PART)]
    written = write_state(given)
    parts = [msgspec.msgpack.decode(part) for part in msgspec.msgpack.decode(written)]
    assert [len(part) for part in parts] == [PART, PART, 1]
    assert read_state(nodes(*(node for part in parts for node in part))) == given
    slices = read_in_slices(written)
    for _ in range(3 * len(parts)):
        next(slices)
    assert completed(slices) == given


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (b"", "other bytes"),
        (b"\x81\xa1a\x01", "other bytes"),
        (b"\x91" * 5_000, "other bytes|nested"),
        (b"\xc1" * 100, "other bytes"),
        (nodes(b"\xc1"), "other bytes"),
        (nodes(msgspec.msgpack.encode([1])), "other bytes"),
        (nodes(msgspec.msgpack.encode([b"\x90"])), "other bytes"),
        (nodes(msgspec.msgpack.encode([["list", [0]]])), "circle"),
        (nodes(msgspec.msgpack.encode([["callable", "eval"]])), "callable of the table"),
        (nodes(), "1 to"),
        (nodes(["object", "os:system"]), "class of the table"),
        (nodes(["object", "builtins:object"]), "class of the table"),
        (nodes(["object", ["x"]]), "nested"),
        (nodes(["callable", "os:system"]), "callable of the table"),
        (nodes(["callable", "eval"]), "callable of the table"),
        (nodes(["list", [0]]), "circle"),
        (nodes(["list", [1]], ["list", [0]]), "circle"),
        (nodes(["list", [7]]), "nested"),
        (nodes(["tuple", [1]], ["list"]), "cannot be"),
        (nodes(["list", [[1]]]), "nested"),
        (nodes(["dict", "a"]), "key without"),
        (nodes(["dict", [1], 1], ["list"]), "cannot be"),
        (nodes(["object", "stats.mean:Mean", "__class__", 1]), "names of attributes"),
        (nodes(["object", "stats.mean:Mean", 1, 1]), "names of attributes"),
        (nodes(["array", "|O", "1", b"12345678"]), "array of"),
        (nodes(["array", "<f8", "1000000000000", b"12345678"]), "cannot"),
        (nodes(["array", "<f8", "-1", b"1234567"]), "buffer|cannot"),
        (nodes(["deque", 1 << 62]), "length of a queue"),
        (nodes(["random", 3, b"1234", None]), "random numbers"),
        (nodes(["method", [1], "learn_one"], ["object", "stats.mean:Mean"]), "cannot be"),
        (nodes(["object", "stats.mean:Mean"], ["method", [0], "update"]), "method of the table"),
        (nodes(["compiled", "drift:AdaptiveWindowing", b"\xff" * 300]), "AdaptiveWindowing"),
        (nodes(["compiled", "stats:RsQuantile", b""]), "RsQuantile"),
        (nodes(["vector", [0], None]), "circle"),
        (nodes(["reduce", "os:system"]), "known kinds"),
        (nodes([1, 2]), "known kinds"),
        (b"\x00" * (BYTES_MAX + 1), "at most"),
        (nodes(*([["list"]] * (NODES_MAX + 1))), "1 to"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_no_model_wrote_is_refused(written: bytes, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "system", lambda command: pytest.fail("it ran"))
    with pytest.raises(ValueError, match=says):
        read_state(written)


def test_a_tree_whose_node_is_above_itself_is_refused() -> None:
    leaf = "tree.mondrian.mondrian_tree_nodes:MondrianLeafClassifier"
    with pytest.raises(ValueError, match="circle"):
        read_state(nodes(["object", leaf, "parent", [1]], ["object", leaf, "parent", [0]]))


@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_a_spoiled_state_is_refused_or_scores_or_says_nothing(data: st.DataObject) -> None:
    learner = RiverClassifier(2, [("preprocessing.StandardScaler", {}), ("linear_model.LogisticRegression", {})])
    learner.learn_many(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([1.0, 0.0]))
    arrays = learner.snapshot()
    place = data.draw(st.integers(0, len(arrays["state"]) - 1))
    arrays["state"][place] = data.draw(st.integers(0, 255))
    try:
        scores = score_from("river.Classifier", arrays).score_many(np.ones((1, 2)))
    except ValueError:
        return
    assert np.isnan(scores[0]) or 0.0 <= scores[0] <= 1.0


def test_a_state_of_another_version_is_refused_with_what_to_do() -> None:
    arrays = RiverClassifier(2, LOGISTIC).snapshot()
    with pytest.raises(ValueError, match=r"one of 0\.25\.0: learn it anew"):
        score_from("river.Classifier", {**arrays, "river": np.frombuffer(b"0.25.0", np.uint8)})


def test_another_version_that_is_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    state_reading.classes.cache_clear()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.27.0")
    with pytest.raises(ValueError, match=r"expected River 0\.26\.1, got 0\.27\.0"):
        read_state(nodes(["object", "stats.mean:Mean"]))
    monkeypatch.undo()
    assert read_state(nodes(["object", "stats.mean:Mean"])) is not None


def test_a_state_of_another_pipeline_is_refused_and_changes_nothing() -> None:
    learner = RiverClassifier(2, LOGISTIC)
    before = learner.state()
    with pytest.raises(ValueError, match="expected"):
        learner.restore(RiverClassifier(2, [("naive_bayes.GaussianNB", {})]).state())
    assert learner.state()["state"].tobytes() == before["state"].tobytes()


def test_a_state_that_is_no_model_is_refused() -> None:
    arrays = RiverClassifier(2, LOGISTIC).snapshot()
    for other in ([1, 2], {"predict_proba_one": 1}):
        with pytest.raises(ValueError, match="expected a model of River"):
            score_from("river.Classifier", {**arrays, "state": np.frombuffer(write_state(other), np.uint8)})
