"""What the store of leases keeps to, in each database of `PLACES`."""

import concurrent.futures
import contextlib
from collections.abc import Iterator

import pytest
from databases_of_a_test import PLACES

from stores.leases import Lease, Leases
from stores.relational.database import Database
from stores.relational.leases import RelationalLeases


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest) -> Iterator[Leases]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield RelationalLeases(opened)


def test_a_lease_is_taken_renewed_given_up_and_taken_again(store: Leases) -> None:
    assert store.read("x") is None
    taken = store.swap("x", None, "one")
    renewed = store.swap("x", taken, "one")
    left = store.swap("x", renewed, "")
    assert (taken, renewed, left, store.read("x")) == (Lease("one", 1), Lease("one", 2), Lease("", 3), Lease("", 3))
    assert (store.swap("x", left, "two"), store.read("y")) == (Lease("two", 4), None)


def test_a_state_that_is_not_the_stored_one_changes_nothing(store: Leases) -> None:
    taken = store.swap("x", None, "one")
    for other in (None, Lease("one", 2), Lease("two", 1), Lease("", 1)):
        assert store.swap("x", other, "two") is None
    assert store.read("x") == taken


def test_of_many_that_want_a_lease_at_once_one_gets_it(store: Leases) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for before in (None, Lease("", 2)):
            got = [each for each in threads.map(lambda number, before=before: store.swap("x", before, str(number)), range(16)) if each]
            assert len(got) == 1
            store.swap("x", got[0], "")
