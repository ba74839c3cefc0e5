"""What the store of trained models keeps to, in each database of `PLACES`."""

import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from databases_of_a_test import PLACES

from stores.relational.database import Database
from stores.relational.trained_models import RelationalTrainedModels
from stores.trained_models import KEPT, TrainedModel


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest) -> Iterator[RelationalTrainedModels]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield RelationalTrainedModels(opened)


def trained(sequence: int, definition: str = "d", model: str = "m", id: str = "") -> TrainedModel:
    report = {"quality": {"auc": 0.5}, "text": "🙂 '; drop table trained_model"}
    known_by = id or f"{model}{definition}{sequence}"
    return TrainedModel(known_by, model, definition, sequence, 1_000 + sequence, report, bytes([sequence, 0]) * 9)


def without_snapshot(of: TrainedModel) -> TrainedModel:
    return msgspec.structs.replace(of, snapshot=b"")


def test_the_newest_training_of_a_definition_comes_with_its_snapshot(store: RelationalTrainedModels) -> None:
    for sequence in (1, 3, 2):
        store.add(trained(sequence))
    store.add(trained(9, definition="other"))
    assert store.newest("m", "d", -1) == trained(3)
    assert store.newest("m", "d", 2) == trained(3)
    assert store.newest("m", "d", 3) is None
    assert store.newest("n", "d", -1) is None


def test_all_trainings_of_a_model_come_newest_first_without_snapshots(store: RelationalTrainedModels) -> None:
    for each in (trained(1), trained(2), trained(3, definition="other"), trained(4, model="n")):
        store.add(each)
    assert store.of("m") == [without_snapshot(each) for each in (trained(3, definition="other"), trained(2), trained(1))]


def test_a_training_that_is_stored_twice_is_there_once(store: RelationalTrainedModels) -> None:
    store.add(trained(1))
    store.add(trained(1, id="another"))
    assert store.of("m") == [without_snapshot(trained(1))]


def test_so_many_trainings_of_a_definition_are_kept(store: RelationalTrainedModels) -> None:
    store.add(trained(1, definition="other"))
    for sequence in range(KEPT + 3):
        store.add(trained(sequence))
    assert [each.sequence for each in store.of("m") if each.definition == "d"] == list(range(KEPT + 2, 2, -1))
    assert store.newest("m", "other", 0) == trained(1, definition="other")
