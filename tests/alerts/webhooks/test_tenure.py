"""A lease as its holders see it, with clocks of their own."""

import pathlib
from collections.abc import Iterator

import pytest
from databases_of_a_test import FickleDatabase

from alerts.webhooks.tenure import LEASE_S, Tenure
from stores.decisions import StoreUnavailableError
from stores.leases import Lease
from stores.relational.leases import RelationalLeases


class Process:
    """Has a tenure, and a clock that a test moves."""

    def __init__(self, database: FickleDatabase, name: str, now_s: float) -> None:
        self.now_s = now_s
        self.tenure = Tenure(RelationalLeases(database), "deliveries", name, monotonic=lambda: self.now_s)

    def steps(self, seconds: float = 0.0) -> bool:
        """Lets time go by, and returns whether the process holds the lease afterwards."""
        self.now_s += seconds
        self.tenure.step()
        return self.tenure.is_held()


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[FickleDatabase]:
    database = FickleDatabase(tmp_path)
    yield database
    database.close()


@pytest.fixture
def pair(database: FickleDatabase) -> tuple[Process, Process]:
    """Two processes, whose clocks have nothing in common."""
    return Process(database, "one", 5.0), Process(database, "two", 1e9)


def test_one_of_two_holds_the_lease_as_long_as_it_renews_it(pair: tuple[Process, Process]) -> None:
    one, two = pair
    assert one.steps() and not two.steps()
    for _ in range(20):
        assert one.steps(LEASE_S / 2) and not two.steps(LEASE_S / 2)


def test_a_holder_that_ended_is_followed_after_the_time_of_the_lease(pair: tuple[Process, Process]) -> None:
    one, two = pair
    assert one.steps() and not two.steps()
    assert not two.steps(LEASE_S - 0.1) and two.steps(0.1)


def test_a_lease_that_was_given_up_is_free_at_once(pair: tuple[Process, Process]) -> None:
    one, two = pair
    assert one.steps() and not two.steps()
    one.tenure.give_up()
    assert two.steps() and not one.steps()


def test_a_holder_that_stood_still_knows_before_another_takes_over(pair: tuple[Process, Process]) -> None:
    one, two = pair
    assert one.steps() and not two.steps()
    one.now_s += LEASE_S
    assert not one.tenure.is_held()
    assert two.steps(LEASE_S) and not one.steps()


def test_a_holder_that_nobody_followed_goes_on(pair: tuple[Process, Process]) -> None:
    one, two = pair
    assert one.steps() and not two.steps()
    assert one.steps(10 * LEASE_S) and not two.steps(LEASE_S)


def test_of_several_that_take_over_one_does(database: FickleDatabase) -> None:
    processes = [Process(database, str(number), 0.0) for number in range(5)]
    processes[0].steps()
    assert not any(process.steps() for process in processes[1:])
    assert sum(process.steps(LEASE_S) for process in processes[1:]) == 1


def test_a_store_that_is_away_ends_a_tenure_in_time_and_no_longer(database: FickleDatabase) -> None:
    one = Process(database, "one", 0.0)
    assert one.steps()
    database.away = True
    with pytest.raises(StoreUnavailableError):
        one.steps(LEASE_S / 2)
    assert one.tenure.is_held()
    one.now_s += LEASE_S / 2
    assert not one.tenure.is_held()
    database.away = False
    assert one.steps()


def test_the_row_says_who_holds_it(database: FickleDatabase) -> None:
    one = Process(database, "one", 0.0)
    one.steps()
    one.steps(1)
    assert RelationalLeases(database).read("deliveries") == Lease("one", 2)
    one.tenure.give_up()
    assert RelationalLeases(database).read("deliveries") == Lease("", 3)
