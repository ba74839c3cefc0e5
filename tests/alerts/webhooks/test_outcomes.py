"""Outcomes of attempts are written together, and each who waits is told how it ended."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from alerts.webhooks.outcomes import Outcomes
from stores.casework.deliveries import Attempt, Settled
from stores.decisions import StoreUnavailableError


class SlowStore:
    """Keeps nothing before `goes_on` is set, and then what each transaction had; fails while `is_away`."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.is_away = False
        self.transactions: list[list[int]] = []

    def settle(self, settled: Sequence[Settled]) -> None:
        self.goes_on.wait(60)
        if self.is_away:
            raise StoreUnavailableError("away")
        self.transactions.append([one.number for one in settled])


def outcome(number: int) -> list[Settled]:
    return [Settled(number, "w", Attempt(1, 0, 1, 204), "delivered", 0)]


def outcomes_of(store: Any) -> Outcomes:
    return Outcomes(store)


async def test_what_comes_while_a_transaction_is_written_is_written_together_in_the_next() -> None:
    store = SlowStore()
    outcomes = outcomes_of(store)
    first = asyncio.create_task(outcomes.keep(outcome(1)))
    await asyncio.sleep(0.05)
    others = [asyncio.create_task(outcomes.keep(outcome(number))) for number in (2, 3, 4)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in (first, *others))
    store.goes_on.set()
    await asyncio.gather(first, *others)
    assert store.transactions == [[1], [2, 3, 4]]


async def test_a_store_that_is_away_is_told_to_all_who_wait_and_later_ones_are_kept() -> None:
    store = SlowStore()
    outcomes = outcomes_of(store)
    store.goes_on.set()
    store.is_away = True
    found = await asyncio.gather(outcomes.keep(outcome(1)), outcomes.keep(outcome(2)), return_exceptions=True)
    assert [type(one) for one in found] == [StoreUnavailableError] * 2
    store.is_away = False
    await outcomes.keep(outcome(3))
    await outcomes.keep([])
    assert store.transactions == [[3]]


async def test_one_who_no_longer_waits_takes_the_outcomes_of_no_other_with_it() -> None:
    store = SlowStore()
    outcomes = outcomes_of(store)
    leaving, staying = (asyncio.create_task(outcomes.keep(outcome(number))) for number in (1, 2))
    await asyncio.sleep(0.05)
    leaving.cancel()
    await asyncio.sleep(0.05)
    store.goes_on.set()
    await staying
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert store.transactions == [[1, 2]]
