"""The alerts job, killed at any moment beside another one: each event of each alert is told in order, and once to who keeps ids."""

import contextlib
import pathlib
import random
import time
from collections.abc import Iterator

import pytest
from alerts_job_runs import AlertsSystem, check_whole, until
from keeping_receivers import KeepingReceiver

PROCESSES = 2


@pytest.fixture
def system(tmp_path: pathlib.Path) -> Iterator[AlertsSystem]:
    with contextlib.closing(AlertsSystem(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.deep)])
def test_whatever_process_is_killed_each_event_of_each_alert_is_told_once_and_in_order(system: AlertsSystem, kills: int) -> None:
    chances = random.Random(kills)

    def fails() -> str:
        return chances.choice(["", "", "", "", "", "", "", "500", "cut", "late", "302"])

    with KeepingReceiver(fails) as one, KeepingReceiver(fails) as two:
        receivers = (one, two)
        for number, receiver in enumerate(receivers):
            system.add_webhook(f"w{number}", receiver.url)
        system.begin()
        for _ in range(PROCESSES):
            system.start()
        for _ in range(kills):
            before, handled = system.read(), len(one.taken) + len(two.taken)
            until(lambda before=before, handled=handled: system.read() > before and len(one.taken) + len(two.taken) > handled)  # type: ignore[misc]
            time.sleep(chances.random() * 1.5)  # it is killed at a moment that nobody chose
            system.kill(chances.randrange(PROCESSES))
            system.start()
        system.end()
        until(system.is_done, 300)
        check_whole(system, receivers)
        assert one.requests + two.requests > len(one.taken) + len(two.taken)
