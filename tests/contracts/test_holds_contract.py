"""What the store of holds keeps to, in each database of `PLACES`."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from databases_of_a_test import PLACES

from stores.casework.deliveries import Message
from stores.casework.holds import Hold, HoldChange
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.holds import RelationalHolds
from stores.relational.database import Database


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> RelationalHolds:
    return RelationalHolds(database)


def hold(number: int, **more: Any) -> Hold:
    own = Hold(
        id=f"h{number}",
        event=f"k{number}",
        user="u1",
        event_id=f"e{number}",
        revision=0,
        event_time_ms=5,
        action="review",
        held_at_ms=1_000 * number,
        until_ms=100_000 + number,
        then="decline",
    )
    return msgspec.structs.replace(own, **more)


def over(before: Hold, by: str = "ana") -> HoldChange:
    state = msgspec.structs.replace(before, state="declined", ended_at_ms=9_000, by=by, reason="r", version=before.version + 1)
    return HoldChange(state, Message(f"msg_{state.id}_{state.version}", "payment.decline", state.event, 9_000, b"{}", b"{}"), ["w1"])


def test_a_hold_is_written_once_and_read_as_it_was(store: RelationalHolds) -> None:
    assert store.change([HoldChange(hold(1)), HoldChange(hold(2))]) == ["h1", "h2"]
    assert store.change([HoldChange(hold(1, action="block"))]) == []
    assert (store.get("h1"), store.get("h3")) == (hold(1), None)


def test_of_several_who_end_a_hold_one_does_and_one_message_tells_of_it(store: RelationalHolds, database: Database) -> None:
    store.change([HoldChange(hold(1))])
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda by=by: done.append(store.change([over(hold(1), by)]))) for by in "abcdef"]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [[], [], [], [], [], ["h1"]]
    [delivery] = RelationalDeliveries(database).of_message("msg_h1_2")
    assert (delivery.webhook, delivery.state, RelationalDeliveries(database).of_message("msg_h1_3")) == ("w1", "pending", [])


def test_holds_that_last_are_due_by_their_end(store: RelationalHolds) -> None:
    assert store.next_due_ms() is None
    store.change([HoldChange(hold(number)) for number in (3, 1, 2)])
    store.change([over(hold(1))])
    assert [one.id for one in store.due(100_002, 10)] == ["h2"]
    assert [one.id for one in store.due(200_000, 1)] == ["h2"]
    assert store.next_due_ms() == 100_002


def test_of_the_holds_of_an_event_the_highest_revision_is_found(store: RelationalHolds) -> None:
    store.change([HoldChange(hold(1)), HoldChange(hold(9, event="k1", revision=2)), HoldChange(hold(8, event="k1", revision=1))])
    found = store.of_events(["k1", "k2", "k1"])
    assert {event: one.id for event, one in found.items()} == {"k1": "h9"}


def test_holds_come_by_pages_newest_first(store: RelationalHolds) -> None:
    store.change([HoldChange(hold(number, user=f"u{number % 2}")) for number in range(6)])
    store.change([over(hold(4, user="u0"))])
    assert [one.id for one in store.page((), None, None, 2)] == ["h5", "h4"]
    assert [one.id for one in store.page((), None, (4_000, "h4"), 2)] == ["h3", "h2"]
    assert [one.id for one in store.page(["held"], "u0", None, 9)] == ["h2", "h0"]


def test_what_ended_long_ago_is_forgotten_and_what_lasts_is_not(store: RelationalHolds) -> None:
    store.change([HoldChange(hold(1)), HoldChange(hold(2))])
    store.change([over(hold(1))])
    assert (store.forget(9_000, 10), store.forget(9_001, 10), store.forget(9_001, 10)) == (0, 1, 0)
    assert [one.id for one in store.page((), None, None, 9)] == ["h2"]
