"""Some weeks of card payments through Kafka, Flink, Cassandra, Druid and HDFS: every store says the same, and what replay says."""

import collections
import datetime
import time
from collections.abc import Iterable, Iterator

import pyarrow.compute
import pyarrow.parquet
import pytest
from card_records import event_records
from card_system import check_of_one_catch_up
from card_truth import DATA, EVENTS_MAX, Truth, learned_truth
from decision_columns import DecisionColumns, differences
from full_card_system import JOBS, FullCardSystem, days_and_actions, full_card_system
from reading_back import read_back
from score_job_runs import restarts

from deploy.servers.druid_supervisor import apply_supervisor

DAYS = 20
"""The first days of the file: 191,611 payments, labels of the first 13 days known within them."""
OVER_HTTP = 50
"""One of so many decisions is read through the api too."""

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"needs {DATA.name} in the folder of WEIR_DATA")


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    payments = pyarrow.parquet.read_table(DATA)
    end = pyarrow.compute.min(payments["TX_DATETIME"]).as_py() + datetime.timedelta(days=DAYS)
    first = payments.filter(pyarrow.compute.field("TX_DATETIME") < end).slice(0, EVENTS_MAX)
    return learned_truth(first, tmp_path_factory.mktemp("cards"))


@pytest.fixture(scope="module")
def system(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullCardSystem]:
    with full_card_system(tmp_path_factory.mktemp("full"), truth) as system:
        yield system
        print(f"\n{len(system.events):,} payments, seconds:", {step: round(seconds, 1) for step, seconds in system.took.items()})


@pytest.fixture(scope="module")
def kept(system: FullCardSystem) -> list[bytes]:
    return system.kept()


@pytest.fixture(scope="module")
def replayed(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> DecisionColumns:
    return truth.decisions(truth.history, tmp_path_factory.mktemp("replayed"))


def test_every_decision_in_cassandra_is_replays_bit_for_bit(kept: list[bytes], replayed: DecisionColumns, truth: Truth) -> None:
    columns = DecisionColumns(truth.release, len(kept))
    for row, value in enumerate(kept):
        columns.put(row, value)
    assert {name: (len(rows), rows[:5]) for name, rows in differences(columns, replayed).items()} == {}


def test_models_bands_and_labels_all_had_a_say(replayed: DecisionColumns) -> None:
    assert set(replayed.texts["action"]) == {"approve", "review", "block"}
    for model in ("fraud_lr", "payment_shape", "own_amount"):
        assert len(set(replayed.column(f"model.{model}").tolist())) > 100, model
    assert (replayed.column("feature.terminal_risk_7d") > 0).any()


def test_the_api_gives_them_as_cassandra_has_them(system: FullCardSystem, kept: list[bytes]) -> None:
    given: dict[int, bytes] = {}
    ids, began = system.events.id_keys.tolist()[::OVER_HTTP], time.monotonic()
    read_back(system.settings.api_port, system.token, ids, given.__setitem__)
    system.took[f"{len(ids):,} read over HTTP"] = time.monotonic() - began
    assert [row for row, value in enumerate(kept[::OVER_HTTP]) if given[row] != value] == []


def test_totals_in_druid_are_the_count_of_decisions_by_day_and_action(system: FullCardSystem, kept: list[bytes]) -> None:
    assert system.by_day_and_action() == days_and_actions(kept)


def test_the_archive_on_hdfs_has_every_event_once_as_it_was_sent(system: FullCardSystem, truth: Truth) -> None:
    tables = system.archived("events", ["key", "value"])
    pairs = (pair for table in tables for pair in zip(table["key"].to_pylist(), table["value"].to_pylist(), strict=True))
    sent = ((key.encode(), value) for key, value in event_records(truth.history.batch))
    assert lacking_and_more(sent, pairs) == ([], [])


def test_the_archive_on_hdfs_has_every_decision_once_as_it_was_served(system: FullCardSystem, kept: list[bytes]) -> None:
    values = (value for table in system.archived("decisions", ["value"]) for value in table["value"].to_pylist())
    assert lacking_and_more(kept, values) == ([], [])


def test_the_backlog_was_worked_through_by_event_time_in_one_run_and_nothing_was_refused(system: FullCardSystem) -> None:
    check_of_one_catch_up(system.settings, len(system.events))
    jobs = system.jobs()
    assert sorted(jobs) == sorted(JOBS)
    assert {name: restarts(system.stack, job["jid"]) for name, job in jobs.items()} == dict.fromkeys(jobs, 0)


def test_doctor_says_that_all_is_well(system: FullCardSystem) -> None:
    assert "lacks" not in system.doctor()


def test_totals_are_the_same_once_druid_has_made_segments_of_all_these_hours(system: FullCardSystem, kept: list[bytes]) -> None:
    system.hand_over_in_druid()
    assert system.by_day_and_action() == days_and_actions(kept)
    assert apply_supervisor(system.settings) == "resumed"


def lacking_and_more(wanted: Iterable[object], found: Iterable[object]) -> tuple[list[object], list[object]]:
    """The first few that are not found, or not as often, and that are found without being wanted."""
    one, other = collections.Counter(wanted), collections.Counter(found)
    return [*(one - other)][:3], [*(other - one)][:3]
