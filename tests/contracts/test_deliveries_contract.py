"""What the stores of webhooks and of deliveries keep to, in each database of `PLACES`."""

import concurrent.futures
import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from databases_of_a_test import PLACES

from stores.casework.deliveries import Attempt, Deliveries, DeliveryState, Message, Settled
from stores.casework.webhooks import WEBHOOKS_MAX, StoredWebhook, TooManyWebhooksError, WebhookWish
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database

A, B = "a" * 32, "b" * 32


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> Deliveries:
    return RelationalDeliveries(database)


def message(id: str, key: str = "card-1", at_ms: int = 1_000) -> Message:
    return Message(id, "alert.opened", key, at_ms, b'{"full": true}', b"{}")


def settled(number: int, state: DeliveryState, due_at_ms: int = 9_000, webhook: str = A, attempt: int = 1) -> Settled:
    return Settled(number, webhook, Attempt(attempt, 2_000, 30, 500, "", "no"), state, due_at_ms)


def ids(store: Deliveries, webhook: str = A, at_ms: int = 5_000, limit: int = 100) -> list[str]:
    return [delivery.message.id for delivery in store.due(webhook, at_ms, limit)]


def number_of(store: Deliveries, id: str, webhook: str = A) -> int:
    return next(delivery.number for delivery in store.page(webhook, (), None, 1_000) if delivery.message.id == id)


def test_a_message_waits_for_each_webhook_that_wants_it(store: Deliveries) -> None:
    assert store.add([(message("m1"), [A, B]), (message("m2", "card-2"), [A]), (message("m3", "card-3"), [])]) == 3
    assert (ids(store, A), ids(store, B), ids(store, "c" * 32)) == (["m1", "m2"], ["m1"], [])
    (delivery,) = store.due(B, 5_000, 10)
    assert (delivery.message, delivery.state, delivery.attempts, delivery.webhook) == (message("m1"), "pending", 0, B)


def test_a_message_that_is_there_is_not_added_again(store: Deliveries) -> None:
    assert store.add([(message("m1"), [A]), (message("m1"), [A])]) == 1
    assert store.add([(message("m1", at_ms=7), [A, B])]) == 0
    assert (ids(store, A), ids(store, B)) == (["m1"], [])


def test_only_the_first_message_of_a_key_is_due(store: Deliveries) -> None:
    store.add([(message("m1"), [A, B]), (message("m2"), [A, B]), (message("m3", "card-2"), [A, B])])
    assert ids(store) == ["m1", "m3"]
    store.settle([settled(number_of(store, "m1"), "pending", due_at_ms=60_000)])
    assert (ids(store), ids(store, B)) == (["m3"], ["m1", "m3"])
    assert ids(store, at_ms=60_000) == ["m1", "m3"]
    store.settle([settled(number_of(store, "m1"), "dead", attempt=2)])
    assert ids(store) == ["m2", "m3"]


def test_a_new_message_is_due_at_once_even_if_the_clock_was_set_back_since(store: Deliveries) -> None:
    store.add([(message("m1", at_ms=5_000), [A])])
    assert (ids(store, at_ms=4_999), ids(store, at_ms=5_000)) == (["m1"], ["m1"])
    assert (store.waiting([A, B], 4_999), store.waiting([B, A], 5_000)) == ([A], [A])


def test_attempts_are_remembered_with_what_came_of_them(store: Deliveries) -> None:
    store.add([(message("m1"), [A])])
    number = number_of(store, "m1")
    first, second = settled(number, "pending"), settled(number, "delivered", attempt=2)
    store.settle([first])
    store.settle([second])
    assert store.attempts(number, A) == [first.attempt, second.attempt]
    (delivery,) = store.page(A, ["delivered"], None, 10)
    assert (delivery.attempts, delivery.ended_at_ms, store.pending()) == (2, 2_030, {})


def test_what_has_ended_stays_so_when_a_late_outcome_comes(store: Deliveries) -> None:
    store.add([(message("m1"), [A])])
    number = number_of(store, "m1")
    store.settle([settled(number, "delivered")])
    store.settle([settled(number, "pending", attempt=2)])
    assert [delivery.state for delivery in store.page(A, (), None, 10)] == ["delivered"]
    assert len(store.attempts(number, A)) == 2


def test_dead_deliveries_are_sent_again_one_by_one_or_by_time(store: Deliveries) -> None:
    store.add([(message(f"m{index}", f"card-{index}", index * 1_000), [A, B]) for index in range(1, 5)])
    numbers = [number_of(store, f"m{index}") for index in range(1, 5)]
    store.settle([settled(number, "dead") for number in numbers])
    assert store.send_again(A, numbers[:1], 7_000) == 1
    assert (ids(store, at_ms=6_999), ids(store, at_ms=7_000)) == ([], ["m1"])
    assert store.send_again_since(A, 2_000, 4_000, ["dead"], 7_000) == 2
    assert ids(store, at_ms=7_000) == ["m1", "m2", "m3"]
    (first, *_) = store.due(A, 7_000, 1)
    assert (first.attempts, first.attempts_before) == (1, 1)
    store.settle([settled(first.number, "delivered", attempt=2)])
    assert store.send_again_since(A, 0, 10_000, ["pending"], 8_000) == 0


def test_pages_are_newest_first_and_filtered(store: Deliveries) -> None:
    store.add([(message(f"m{index}", f"card-{index}"), [A]) for index in range(5)])
    found = store.page(None, (), None, 3)
    assert [delivery.message.id for delivery in found] == ["m4", "m3", "m2"]
    assert [delivery.message.id for delivery in store.page(A, ["pending"], found[-1].number, 3)] == ["m1", "m0"]
    assert store.page(B, (), None, 3) == [] and store.page(A, ["gone"], None, 3) == []


def test_a_page_does_not_tear_the_deliveries_of_a_message_apart(store: Deliveries) -> None:
    store.add([(message(f"m{index}", f"card-{index}"), [A, B]) for index in range(3)])
    first = store.page(None, (), None, 3)
    rest = store.page(None, (), first[-1].number, 3)
    assert [(delivery.message.id, delivery.webhook) for delivery in first + rest] == [
        (f"m{index}", id) for index in (2, 1, 0) for id in (A, B)
    ]


def test_pending_deliveries_are_counted_with_the_oldest_one(store: Deliveries) -> None:
    store.add([(message("m1", at_ms=700), [A, B]), (message("m2", at_ms=900), [A])])
    assert store.pending() == {A: (2, 700), B: (1, 700)}


def test_old_messages_are_forgotten_unless_they_wait_still(store: Deliveries) -> None:
    store.add([(message("m1", "card-1", 1_000), [A]), (message("m2", "card-2", 1_000), [A]), (message("m3", "card-3", 2_000), [A])])
    store.settle([settled(number_of(store, id), "delivered") for id in ("m1", "m3")])
    assert (store.forget(2_000, 1), store.forget(2_000, 1)) == (1, 0)
    assert [delivery.message.id for delivery in store.page(None, (), None, 10)] == ["m3", "m2"]
    assert store.add([(message("m1"), [A])]) == 1


def test_processes_that_add_the_same_messages_at_once_add_each_once(store: Deliveries, database: Database) -> None:
    def add(_: int) -> int:
        return RelationalDeliveries(database).add([(message(f"m{index}", f"card-{index}"), [A]) for index in range(20)])

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(add, range(8))) == 20
    assert len(ids(store)) == 20


def test_it_is_known_since_when_a_receiver_fails(store: Deliveries) -> None:
    store.add([(message("m1"), [A, B])])
    number = number_of(store, "m1")
    assert store.failing_since_ms(A) is None
    for attempt, (at_ms, status) in enumerate([(100, 500), (200, 204), (300, None), (400, 503)], 1):
        store.settle([Settled(number, A, Attempt(attempt, at_ms, 5, status), "pending", 0)])
        assert store.failing_since_ms(A) == {100: 100, 200: None, 300: 300, 400: 300}[at_ms]
    assert store.failing_since_ms(B) is None


def webhook(id: str = A, version: int = 1, url: str = "https://example.com/in") -> StoredWebhook:
    wish = WebhookWish(url=url, types=("alert.*",))
    return StoredWebhook(id=id, wish=wish, keys=("whsec_x",), version=version, by="ana", made_at_ms=5, changed_at_ms=6)


def test_a_webhook_is_changed_by_whoever_knows_its_version(database: Database) -> None:
    webhooks = RelationalWebhooks(database)
    webhooks.add(webhook())
    newer = webhook(version=2, url="https://example.com/other")
    assert (webhooks.replace(newer), webhooks.replace(newer), webhooks.get(A), webhooks.all()) == (True, False, newer, [newer])
    assert (webhooks.get(B), webhooks.replace(webhook(B, 2))) == (None, False)


def test_a_webhook_goes_with_its_deliveries(database: Database, store: Deliveries) -> None:
    webhooks = RelationalWebhooks(database)
    webhooks.add(webhook())
    store.add([(message("m1"), [A, B])])
    store.settle([settled(number_of(store, "m1"), "pending")])
    assert (webhooks.remove(A), webhooks.remove(A), webhooks.all()) == (True, False, [])
    assert [delivery.webhook for delivery in store.page(None, (), None, 10)] == [B]


def test_there_is_a_bound_of_webhooks(database: Database) -> None:
    webhooks = RelationalWebhooks(database)
    for number in range(WEBHOOKS_MAX):
        webhooks.add(msgspec.structs.replace(webhook(), id=f"{number:032x}"))
    with pytest.raises(TooManyWebhooksError):
        webhooks.add(webhook())
