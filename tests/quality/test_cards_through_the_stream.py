"""All card payments through Kafka, Flink, SQLite and HTTP: each decision is replay's, bit for bit."""

import dataclasses
import pathlib
import time
from collections.abc import Iterator

import pyarrow.parquet
import pytest
from card_records import event_records, label_records, snapshot_records
from card_system import TOKEN, CardSystem, check_of_one_catch_up
from card_truth import DATA, EVENTS_MAX, TEXTS, Truth, learned_truth
from decision_columns import DecisionColumns, differences
from reading_back import read_back
from score_job_runs import restarts

from pipeline.tables.event_files import History

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"needs {DATA.name} in the folder of WEIR_DATA")


@dataclasses.dataclass
class Served:
    """A system that has decided everything, and its decisions as the api gave them."""

    system: CardSystem
    columns: DecisionColumns


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return learned_truth(pyarrow.parquet.read_table(DATA).slice(0, EVENTS_MAX), tmp_path_factory.mktemp("cards"))


@pytest.fixture(scope="module")
def replayed(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> DecisionColumns:
    return truth.decisions(truth.history, tmp_path_factory.mktemp("replayed"))


@pytest.fixture(scope="module", params=[1, 2], ids=["parallelism_1", "parallelism_2"])
def served(request: pytest.FixtureRequest, truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    events = truth.history.batch
    with CardSystem(tmp_path_factory.mktemp("system"), TEXTS, request.param) as system:
        system.produce("models", snapshot_records(truth.snapshots))
        system.produce("labels-resolved", label_records(truth.history))
        system.produce("events", event_records(events))
        system.decide_all(len(events))
        columns, began = DecisionColumns(truth.release, len(events)), time.monotonic()
        read_back(system.settings.api_port, TOKEN, events.id_keys.tolist(), columns.put)
        system.took["read back"] = time.monotonic() - began
        print(f"\n{len(events):,} events at parallelism {request.param}, seconds:", {step: round(s, 1) for step, s in system.took.items()})
        yield Served(system, columns)


def test_every_decision_read_over_http_is_replays_bit_for_bit(served: Served, replayed: DecisionColumns) -> None:
    assert {name: (len(rows), rows[:5]) for name, rows in differences(served.columns, replayed).items()} == {}


def test_models_bands_and_labels_all_had_a_say(served: Served, truth: Truth) -> None:
    columns = served.columns
    assert {snapshot.model for snapshot in truth.snapshots} == {"fraud_lr", "payment_shape"}
    assert set(columns.texts["action"]) == {"approve", "review", "block"}
    for model in ("fraud_lr", "payment_shape", "own_amount"):
        assert len(set(columns.column(f"model.{model}").tolist())) > 100, model
    assert (columns.column("feature.terminal_risk_7d") > 0).any()


def test_the_backlog_was_worked_through_by_event_time_in_one_run_and_nothing_was_refused(served: Served, truth: Truth) -> None:
    check_of_one_catch_up(served.system.settings, len(truth.history.batch))
    assert restarts(served.system, served.system.job) == 0


def test_a_planted_error_of_one_cent_in_one_payment_is_noticed(served: Served, truth: Truth, tmp_path: pathlib.Path) -> None:
    events = truth.history.batch
    row = len(events) // 2
    numbers = events.numbers.copy()
    numbers[row, 0] += 1
    planted = truth.decisions(History(dataclasses.replace(events, numbers=numbers)), tmp_path)
    found = differences(served.columns, planted)
    assert {"feature.customer_amount_mean_1d", "feature.customer_amount_mean_30d", "model.fraud_lr", "score"} <= set(found)
    rows = {row for rows in found.values() for row in rows}
    assert min(rows) == row
    assert {events.users[row] for row in rows} == {events.users[row]}
