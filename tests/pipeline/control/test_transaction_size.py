"""What one transaction takes follows how long transactions last."""

import pytest

from pipeline.control.transaction_size import HELD_S, LEAST, TransactionSize


@pytest.mark.parametrize("second_per_record", [0.0, 1e-6, 2e-5, 4e-4, 3e-3, 1.0])
def test_transactions_of_a_backlog_soon_last_as_long_as_they_may_and_no_longer(second_per_record: float) -> None:
    size = TransactionSize(5_000)
    for _ in range(10):
        size.took(size.records, size.records * second_per_record)
    fitting = 5_000 if not second_per_record else max(LEAST, min(5_000, int(HELD_S / second_per_record)))
    assert size.records == pytest.approx(fitting, rel=0.01)


def test_a_few_records_for_which_the_disk_took_its_time_do_not_make_transactions_small() -> None:
    size = TransactionSize(5_000)
    size.took(3, HELD_S * 0.9)
    assert size.records == 500


def test_no_transaction_takes_more_than_a_caller_allows_however_few_that_are() -> None:
    size = TransactionSize(20)
    for seconds in (0.0, 10.0, 0.0):
        size.took(20, seconds)
        assert size.records == 20
