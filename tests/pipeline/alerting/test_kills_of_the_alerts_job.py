"""The alerts job, killed at any moment beside another one: each event of each alert is told in order, and once to who keeps ids."""

import contextlib
import pathlib
import random
import time
from collections.abc import Iterator

import pytest
from alerts_job_runs import AlertsSystem, check_whole, until
from keeping_receivers import KeepingReceiver


@pytest.fixture
def system(tmp_path: pathlib.Path) -> Iterator[AlertsSystem]:
    with contextlib.closing(AlertsSystem(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.deep)])
def test_whatever_process_is_killed_each_event_of_each_alert_is_told_once_and_in_order(system: AlertsSystem, kills: int) -> None:
    run_with_kills(system, 2, kills)


@pytest.mark.deep
def test_a_side_process_of_a_solo_system_that_is_killed_loses_and_doubles_no_alert(tmp_path: pathlib.Path) -> None:
    with contextlib.closing(AlertsSystem(tmp_path, runs="beside")) as system:
        run_with_kills(system, 1, 10)


def run_with_kills(system: AlertsSystem, processes: int, kills: int) -> None:
    """Kills one of `processes` after the other, at moments by chance, while decisions come and receivers fail."""
    chances = random.Random(kills)

    def fails() -> str:
        return chances.choice(["", "", "", "", "", "", "", "500", "cut", "late", "302"])

    with KeepingReceiver(fails) as one, KeepingReceiver(fails) as two:
        receivers = (one, two)
        for number, receiver in enumerate(receivers):
            system.add_webhook(f"w{number}", receiver.url)
        system.begin()
        for _ in range(processes):
            system.start()
        for _ in range(kills):
            before, handled = system.read(), len(one.taken) + len(two.taken)
            until(lambda before=before, handled=handled: system.read() > before and len(one.taken) + len(two.taken) > handled)  # type: ignore[misc]
            time.sleep(chances.random() * 1.5)  # it is killed at a moment that nobody chose
            system.kill(chances.randrange(processes))
            system.start()
        system.end()
        until(system.is_done, 300)
        check_whole(system, receivers)
        assert one.requests + two.requests > len(one.taken) + len(two.taken)
