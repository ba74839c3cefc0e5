"""The circuit breaker of a receiver."""

from alerts.webhooks.breaker import FAILURES_IN_A_ROW, OPEN_MS_LEAST, OPEN_MS_MOST, Breaker


def failing(times: int, at_ms: int = 1_000) -> Breaker:
    breaker = Breaker()
    for _ in range(times):
        breaker = breaker.failed(at_ms)
    return breaker


def test_single_failures_stop_nothing() -> None:
    assert failing(FAILURES_IN_A_ROW - 1).room(1_000) is None


def test_failures_in_a_row_stop_messages_and_then_let_one_ask() -> None:
    breaker = failing(FAILURES_IN_A_ROW)
    assert breaker.room(1_000 + OPEN_MS_LEAST - 1) == 0
    assert breaker.room(1_000 + OPEN_MS_LEAST) == 1


def test_a_delivery_closes_it_and_another_failure_opens_it_for_twice_as_long() -> None:
    asking = failing(FAILURES_IN_A_ROW)
    assert asking.succeeded() == Breaker()
    again = asking.failed(10_000)
    assert (again.room(10_000 + 2 * OPEN_MS_LEAST - 1), again.room(10_000 + 2 * OPEN_MS_LEAST)) == (0, 1)


def test_it_is_never_open_for_longer_than_its_bound_and_knows_since_when_it_fails() -> None:
    breaker = failing(500)
    assert breaker.open_until_ms == 1_000 + OPEN_MS_MOST
    assert breaker.failed(9_000).failing_since_ms == 1_000


def test_a_receiver_that_asks_to_wait_gets_nothing_until_then() -> None:
    breaker = Breaker().failed(1_000, not_before_ms=61_000)
    assert (breaker.room(60_999), breaker.room(61_000)) == (0, None)


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker = breaker.failed(1_000_000, 2_000_000)
    assert (breaker.room(1_000_001), breaker.room(500_000)) == (0, 1)
