"""The alerts job, killed at any moment beside another one: each event of each alert is told in order, and once to who keeps ids."""

import contextlib
import pathlib
from collections.abc import Iterator

import pytest
from alerts_job_runs import AlertsSystem, run_with_kills

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forks")]


@pytest.fixture
def system(tmp_path: pathlib.Path) -> Iterator[AlertsSystem]:
    with contextlib.closing(AlertsSystem(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.deep)])
def test_whatever_process_is_killed_each_event_of_each_alert_is_told_once_and_in_order(system: AlertsSystem, kills: int) -> None:
    run_with_kills(system, 2, kills)


@pytest.mark.deep
def test_a_side_process_of_a_solo_system_that_is_killed_loses_and_doubles_no_alert(tmp_path: pathlib.Path) -> None:
    with contextlib.closing(AlertsSystem(tmp_path, runs="beside")) as system:
        run_with_kills(system, 1, 10)
