"""What is kept grows old by a clock that follows that of the machine, and is not led far astray by it."""

import pathlib

import pytest

from foundation.age_clock import PACE, AgeClock

HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
START_MS = 1_700_000_000_000


class Machine:
    """Its clock, and how long it has run, in ms; the test moves both."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.clock_ms = START_MS
        self.ran_ms = 0
        self.path = folder / "age"

    def started(self) -> AgeClock:
        return AgeClock(self.path, lambda: self.clock_ms / 1000, lambda: self.ran_ms / 1000)

    def runs(self, ms: int) -> None:
        self.ran_ms += ms
        self.clock_ms += ms


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    return Machine(tmp_path)


def test_it_follows_a_clock_that_goes_right(machine: Machine) -> None:
    age = machine.started()
    for _ in range(100):
        machine.runs(HOUR_MS)
        assert age.now_ms() == machine.clock_ms


def test_an_hour_with_a_clock_that_is_a_year_ahead_makes_things_ten_hours_older(machine: Machine) -> None:
    age = machine.started()
    machine.clock_ms += YEAR_MS
    for _ in range(60):
        machine.runs(60_000)
        age.now_ms()
    machine.clock_ms -= YEAR_MS
    assert age.now_ms() == START_MS + PACE * HOUR_MS
    machine.runs(20 * HOUR_MS)
    assert age.now_ms() == machine.clock_ms


def test_a_clock_that_is_set_back_makes_nothing_younger(machine: Machine) -> None:
    age = machine.started()
    machine.clock_ms -= YEAR_MS
    assert age.now_ms() == START_MS
    assert machine.started().now_ms() == START_MS


def test_a_start_with_a_clock_that_is_a_year_ahead_goes_on_from_where_it_was(machine: Machine) -> None:
    machine.started().now_ms()
    for _ in range(5):
        machine.clock_ms += YEAR_MS
        again = machine.started()
        machine.runs(60_000)
        again.now_ms()
    assert machine.started().now_ms() == START_MS + 5 * PACE * 60_000


def test_after_a_machine_was_off_it_catches_up_in_a_ninth_of_the_time(machine: Machine) -> None:
    machine.started().now_ms()
    machine.clock_ms += 90 * HOUR_MS
    age = machine.started()
    machine.runs(10 * HOUR_MS)
    assert age.now_ms() == machine.clock_ms


def test_a_file_that_cannot_be_read_or_written_stops_nothing(machine: Machine) -> None:
    machine.path.write_text("no number")
    age = machine.started()
    assert age.now_ms() == START_MS
    machine.path.unlink()
    machine.path.mkdir()
    machine.runs(HOUR_MS)
    assert age.now_ms() == machine.clock_ms
