"""Whoever watches cases is told that some changed, by one look at the store for all; nobody is told which."""

import asyncio
from collections.abc import Iterator

import pytest

from api.http.problem import Problem
from api.stream.case_changes import CaseChanges
from api.stream.stream import CLIENTS_MAX, HEARTBEAT
from stores.decisions import StoreUnavailableError


class Store:
    """Tells the newest change, counts how often it was asked, and can be away."""

    def __init__(self) -> None:
        self.newest: tuple[int, str] | None = None
        self.is_away = False
        self.asked = 0

    def __call__(self) -> tuple[int, str] | None:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailableError("it does not answer")
        return self.newest

    async def looked(self) -> None:
        """Waits until it was asked twice more: what is there now was seen."""
        seen = self.asked + 2
        async with asyncio.timeout(10):
            while self.asked < seen:
                await asyncio.sleep(0.001)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def changes(store: Store) -> Iterator[CaseChanges]:
    return CaseChanges(store, look_seconds=0.001)


async def test_all_watchers_are_told_of_a_change_once_and_of_nothing_before_it(store: Store, changes: CaseChanges) -> None:
    store.newest = (5, "a")
    one, other = await changes.join(), await changes.join()
    await store.looked()
    assert await one.next(0.0) == HEARTBEAT
    for newest in ((6, "a"), (6, "b")):
        store.newest = newest
        await store.looked()
        assert await one.next(5) == await other.next(5) == b'event: changed\ndata: {"at_ms":6}\n\n'
    await changes.leave(one)
    await changes.leave(other)


async def test_the_store_is_asked_only_while_somebody_watches(store: Store, changes: CaseChanges) -> None:
    one, other = await changes.join(), await changes.join()
    await changes.leave(one)
    await store.looked()
    await changes.leave(other)
    await asyncio.sleep(0)
    asked = store.asked
    await asyncio.sleep(0.01)
    assert store.asked <= asked + 1, "a look that was under way ends"
    again = await changes.join()
    await store.looked()
    await changes.leave(again)


async def test_a_store_that_is_away_ends_nothing(store: Store, changes: CaseChanges) -> None:
    watcher = await changes.join()
    store.is_away = True
    await store.looked()
    store.is_away, store.newest = False, (7, "a")
    assert b'"at_ms":7' in await watcher.next(10)
    await changes.leave(watcher)


async def test_more_watchers_than_the_bound_are_turned_away(changes: CaseChanges) -> None:
    watchers = [await changes.join() for _ in range(CLIENTS_MAX)]
    with pytest.raises(Problem, match=f"{CLIENTS_MAX} watchers"):
        await changes.join()
    for watcher in watchers:
        await changes.leave(watcher)
    assert len(changes) == 0
