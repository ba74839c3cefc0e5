"""When the engine waits for more records before it takes a batch."""

from pipeline.solo.pace import ENOUGH_RECORDS, IDLE_SECONDS_MAX, IDLE_SECONDS_MIN, SECONDS, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def paced(records: int, apart_seconds: float) -> tuple[Pace, Clock]:
    """A pace that has seen batches of so many records for a second, the last of them a moment ago."""
    clock = Clock()
    pace = Pace(clock)
    for _ in range(int(1 / apart_seconds)):
        clock.now += apart_seconds
        pace.taken(records)
    return pace, clock


def test_a_record_that_comes_alone_is_taken_at_once() -> None:
    pace, _ = paced(1, 0.1)
    assert pace.seconds_left(0) == 0


def test_two_callers_that_wait_for_their_answers_are_not_held_up() -> None:
    pace, _ = paced(1, 0.0009)
    assert pace.seconds_left(1) == 0


def test_two_thousand_records_a_second_are_taken_in_even_steps() -> None:
    pace, clock = paced(2, 0.001)
    assert 0 < pace.seconds_left(1) <= SECONDS
    clock.now += SECONDS / 2
    assert 0 < pace.seconds_left(1) <= SECONDS / 2 + 1e-9
    clock.now += SECONDS
    assert pace.seconds_left(1) == 0


def test_a_batch_that_is_large_already_is_taken_at_once() -> None:
    pace, _ = paced(2, 0.001)
    assert pace.seconds_left(ENOUGH_RECORDS) == 0


def test_a_record_that_comes_a_while_after_many_is_taken_at_once() -> None:
    pace, clock = paced(500, 0.02)
    clock.now += 1.0
    pace.taken(1)
    assert pace.seconds_left(0) == 0


def test_what_comes_from_another_process_keeps_the_engine_looking_and_holds_no_batch_up() -> None:
    pace, clock = paced(1, 0.1)
    clock.now += 60.0
    assert pace.idle_seconds == IDLE_SECONDS_MAX
    pace.came()
    assert (pace.idle_seconds, pace.seconds_left(0)) == (IDLE_SECONDS_MIN, 0)
    clock.now += 60.0
    assert pace.idle_seconds == IDLE_SECONDS_MAX
