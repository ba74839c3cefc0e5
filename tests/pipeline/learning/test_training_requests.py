"""A training is asked for once each time that a boosted model's period has passed, whoever is started again meanwhile."""

import pathlib
from collections.abc import Iterator

import pytest

from pipeline.engine.definitions.release import compile_release
from pipeline.learning.training_requests import TrainingRequests
from stores.jobs import QueueBounds
from stores.relational.database import Database
from stores.relational.jobs import RelationalJobs
from stores.relational.place import SqlitePlace

DAY_MS = 86_400_000
START_MS = 20_000 * DAY_MS
BOUNDS = QueueBounds(10, 10)
TEXTS = {
    "schema": "id: id\ntime: {field: at, unit: ms}\nuser: u\nfields: {amount: {type: decimal}}\n",
    "features": "[]\n",
    "models": "- {name: trees, kind: boosted, retrain: 2d, inputs: [event.amount]}\n",
    "policy": "score: first_ready(trees)\nbands: [{action: approve}]\n",
}
RELEASE = compile_release(1, TEXTS)


@pytest.fixture
def jobs(tmp_path: pathlib.Path) -> Iterator[RelationalJobs]:
    database = Database(SqlitePlace(tmp_path / "weir.db"))
    yield RelationalJobs(database)
    database.close()


def asked(jobs: RelationalJobs) -> int:
    return len(jobs.page(None, (), None, 100))


def test_a_period_that_has_passed_is_asked_for_once(jobs: RelationalJobs) -> None:
    requests = TrainingRequests(jobs, BOUNDS)
    counts = []
    for hour in range(0, 24 * 7, 6):
        requests.ask_if_due(RELEASE, START_MS + hour * DAY_MS // 24, START_MS + hour, {})
        counts.append(asked(jobs))
    assert counts == [hour // 48 for hour in range(0, 24 * 7, 6)]
    assert {(job.request.kind, job.request.by) for job in jobs.page(None, (), None, 100)} == {("train", "system")}


def test_two_processes_ask_for_the_same_training_once(jobs: RelationalJobs) -> None:
    for _ in range(2):
        requests = TrainingRequests(jobs, BOUNDS)
        for day in range(3):
            requests.ask_if_due(RELEASE, START_MS + day * DAY_MS, START_MS, {})
    assert asked(jobs) == 1


def test_a_full_queue_is_asked_again(jobs: RelationalJobs) -> None:
    requests = TrainingRequests(jobs, QueueBounds(0, 0))
    requests.ask_if_due(RELEASE, START_MS, START_MS, {})
    requests.ask_if_due(RELEASE, START_MS + 2 * DAY_MS, START_MS, {})
    assert asked(jobs) == 0
    requests._bounds = BOUNDS
    requests.ask_if_due(RELEASE, START_MS + 2 * DAY_MS, START_MS, {})
    assert asked(jobs) == 1


def test_models_that_learn_from_the_stream_ask_for_nothing(jobs: RelationalJobs) -> None:
    other = "- {name: trees, kind: river, model: linear_model.LogisticRegression, inputs: [event.amount]}\n"
    requests = TrainingRequests(jobs, BOUNDS)
    for day in range(9):
        requests.ask_if_due(compile_release(1, TEXTS | {"models": other}), START_MS + day * DAY_MS, START_MS, {})
    assert asked(jobs) == 0
