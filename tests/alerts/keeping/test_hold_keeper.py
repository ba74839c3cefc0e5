"""Holds as a keeper writes them: a decision begins one, and it ends once, with one message."""

import contextlib
import pathlib
from collections.abc import Iterator

import pytest
from databases_of_a_test import FickleDatabase

from alerts.holding.hold_steps import ended, held_again, message_id_of, told
from alerts.keeping.alert_keeper import AlertKeeper
from alerts.keeping.hold_keeper import HoldKeeper
from alerts.policy.decided_event import DecidedEvent
from patterns.hold_policy import HoldPolicy
from stores.casework.holds import Hold
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.decisions import StoreUnavailableError
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.holds import RelationalHolds
from stores.relational.casework.webhooks import RelationalWebhooks

HOUR = 3_600_000
T0 = 1_000_000_000_000
PLACE = "weir.decisions/0"
POLICY = HoldPolicy(("review",), 24 * HOUR, "decline")


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[FickleDatabase]:
    with contextlib.closing(FickleDatabase(tmp_path)) as opened:
        wish = WebhookWish(url="https://example.com/", types=("payment.*",))
        RelationalWebhooks(opened).add(StoredWebhook(id="w", wish=wish, keys=(), version=1, by="ana", made_at_ms=0, changed_at_ms=0))
        yield opened


class Kept:
    """A keeper of holds and alerts, with its place in the topic."""

    def __init__(self, database: FickleDatabase, policy: HoldPolicy | None = POLICY) -> None:
        self._database = database
        self._policy = policy
        self.begin()

    def begin(self) -> None:
        holds = HoldKeeper(RelationalHolds(self._database), self._policy)
        self.keeper = AlertKeeper(RelationalAlerts(self._database), RelationalWebhooks(self._database), [], holds=holds)

    def take(self, *decided: DecidedEvent, now_ms: int = T0) -> int:
        return self.keeper.take(decided, {PLACE: self.keeper.positions.get(PLACE, 0) + len(decided)}, now_ms)


def decided(number: int, action: str = "review", revision: int = 0, is_retracted: bool = False) -> DecidedEvent:
    own = {"key": f"k{number}", "user": "u1", "event_id": f"e{number}", "revision": revision, "event_time_ms": T0, "decided_at_ms": T0}
    return DecidedEvent(**own, action=action, score=0.9, rules=(), entities={"card": "c1"}, is_retracted=is_retracted)  # type: ignore[arg-type]


def held(database: FickleDatabase) -> list[Hold]:
    return sorted(RelationalHolds(database).page((), None, None, 100), key=lambda one: (one.event, one.revision))


def messages(database: FickleDatabase) -> list[str]:
    return [delivery.message.type for delivery in reversed(RelationalDeliveries(database).page("w", (), None, 100))]


def test_a_decision_whose_action_is_held_becomes_a_hold_until_a_time(database: FickleDatabase) -> None:
    Kept(database).take(decided(1), decided(2, "approve"), decided(1))
    [hold] = held(database)
    assert (hold.user, hold.event_id, hold.revision, hold.until_ms, hold.state) == ("u1", "e1", 0, T0 + 24 * HOUR, "held")
    assert messages(database) == []


def test_without_a_policy_nothing_is_held(database: FickleDatabase) -> None:
    Kept(database, None).take(decided(1))
    assert held(database) == []


def test_a_hold_that_nobody_ends_ends_by_itself_once(database: FickleDatabase) -> None:
    kept = Kept(database)
    kept.take(decided(1))
    assert kept.keeper.tick(T0 + 24 * HOUR - 1) == 0
    assert kept.keeper.tick(T0 + 24 * HOUR) == 1
    kept.begin()
    assert kept.keeper.tick(T0 + 48 * HOUR) == 0
    [hold] = held(database)
    assert (hold.state, hold.by, messages(database)) == ("declined", "hold", ["payment.decline"])


def test_a_hold_from_before_ends_although_the_policy_no_longer_holds(database: FickleDatabase) -> None:
    Kept(database).take(decided(1))
    assert Kept(database, None).keeper.tick(T0 + 25 * HOUR) == 1


@pytest.mark.parametrize(
    ("later", "state", "message"),
    [
        (decided(1, "approve", 1), "released", ["payment.release"]),
        (decided(1, "block", 1), "declined", ["payment.decline"]),
        (decided(1, "review", 1), "withdrawn", []),
        (decided(1, "approve", 1, is_retracted=True), "withdrawn", []),
    ],
)
@pytest.mark.parametrize("is_one_batch", [True, False])
def test_a_decision_of_a_higher_revision_ends_the_hold_of_the_lower_one(
    database: FickleDatabase, later: DecidedEvent, state: str, message: list[str], is_one_batch: bool
) -> None:
    kept = Kept(database)
    for batch in [[decided(1), later]] if is_one_batch else [[decided(1)], [later], [later], [decided(1)]]:
        kept.take(*batch)
    assert (held(database)[0].state, messages(database)) == (state, message)
    assert [one.state for one in held(database)[1:]] == (["held"] if later.action == "review" else [])


def test_a_batch_that_was_not_written_is_held_when_it_comes_again(database: FickleDatabase) -> None:
    kept = Kept(database)
    database.away = True
    with pytest.raises(StoreUnavailableError):
        kept.take(decided(1))
    database.away = False
    kept.begin()
    kept.take(decided(1))
    assert [one.state for one in held(database)] == ["held"]


def test_an_end_that_is_taken_back_holds_the_payment_again_and_tells_so_in_order(database: FickleDatabase) -> None:
    Kept(database).take(decided(1))
    store, webhooks = RelationalHolds(database), RelationalWebhooks(database).all()
    over = ended(held(database)[0], "decline", "ana", "fraud", T0 + 1)
    again = held_again(over, "ana", "a mistake")
    released = ended(again, "release", "ana", "good", T0 + 3)
    assert [store.change([told(one, webhooks, T0)]) for one in (over, again, released)] == [[over.id]] * 3
    assert messages(database) == ["payment.decline", "payment.hold", "payment.release"]
    assert len({message_id_of(one) for one in (over, again, released)}) == 3
