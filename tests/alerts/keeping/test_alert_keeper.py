"""Alerts as a keeper writes them: once, whatever fails in between."""

import contextlib
import pathlib
import random
from collections import defaultdict
from collections.abc import Iterator

import pytest
from databases_of_a_test import FickleDatabase, database_in

from alerts.keeping.alert_keeper import AlertKeeper
from alerts.policy.alert_definition import AlertDefinition
from alerts.policy.decided_event import DecidedEvent, MatchedRule
from patterns.language.pattern import Suppress
from stores.casework.alerts import Silence
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.decisions import StoreUnavailableError
from stores.offsets import OtherReaderError
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database

MINUTE, HOUR = 60_000, 3_600_000
T0 = 1_000_000_000_000
PLACE = "weir.decisions/0"
ATTACK = AlertDefinition("attack", "an attack", ("block",), (), "", None, ("card",), "", 10 * MINUTE, HOUR, 1.0, HOUR, (), None)


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[FickleDatabase]:
    with contextlib.closing(FickleDatabase(tmp_path)) as opened:
        wish = WebhookWish(url="https://example.com/")
        RelationalWebhooks(opened).add(StoredWebhook(id="w", wish=wish, keys=(), version=1, by="ana", made_at_ms=0, changed_at_ms=0))
        yield opened


def keeper(database: Database) -> AlertKeeper:
    return AlertKeeper(RelationalAlerts(database), RelationalWebhooks(database), [ATTACK])


def decided(number: int, card: str = "c1", at_ms: int = T0, **more: object) -> DecidedEvent:
    known: dict[str, object] = {
        "key": f"k{number}",
        "user": "u1",
        "event_id": f"e{number}",
        "revision": 0,
        "event_time_ms": at_ms,
        "decided_at_ms": at_ms,
    }
    known |= {"action": "block", "score": 0.99, "rules": (), "entities": {"card": card}, "loss": 10.0}
    return DecidedEvent(**(known | more))  # type: ignore[arg-type]


def told(database: Database) -> list[str]:
    """The types of all messages, the oldest first."""
    return [delivery.message.type for delivery in reversed(RelationalDeliveries(database).page("w", (), None, 10_000))]


def test_what_silences_a_rule_is_written_with_the_decisions_and_stands_for_the_next_keeper(database: FickleDatabase) -> None:
    rule = MatchedRule("often", "high", Suppress(("card",), HOUR))
    more = {"rules": (rule,), "values": {"card": "c1"}, "is_of_rules": True}
    keeper(database).take([decided(1, **more), decided(2, **more)], {PLACE: 2}, T0)
    keeper(database).take([decided(3, at_ms=T0 + MINUTE, **more), decided(4, at_ms=T0 + HOUR + 1, **more)], {PLACE: 4}, T0 + MINUTE)
    [alert] = RelationalAlerts(database).firing()
    [found] = RelationalAlerts(database).suppressions_of("often", 5)
    assert ([event.event_id for event in alert.newest], found.silenced) == (["e4", "e1"], 2)


def test_an_alert_is_written_with_its_message_and_with_how_far_was_read(database: FickleDatabase) -> None:
    assert keeper(database).take([decided(1), decided(2)], {PLACE: 2}, T0) == 1
    store = RelationalAlerts(database)
    [alert] = store.firing()
    assert (alert.events, store.positions(), told(database)) == (2, {PLACE: 2}, ["alert.opened"])


def test_a_keeper_goes_on_where_another_has_ended(database: FickleDatabase) -> None:
    keeper(database).take([decided(1)], {PLACE: 1}, T0)
    second = keeper(database)
    assert second.positions == {PLACE: 1}
    second.take([decided(2, at_ms=T0 + 1)], {PLACE: 2}, T0 + 1)
    second.tick(T0 + 2 * HOUR)
    assert (RelationalAlerts(database).firing(), told(database)) == ([], ["alert.opened", "alert.updated", "alert.resolved"][::2])


def test_of_two_keepers_of_the_same_records_one_writes(database: FickleDatabase) -> None:
    one, two = keeper(database), keeper(database)
    one.take([decided(1)], {PLACE: 1}, T0)
    with pytest.raises(OtherReaderError):
        two.take([decided(1)], {PLACE: 1}, T0)
    assert (RelationalAlerts(database).firing()[0].events, told(database)) == (1, ["alert.opened"])


@pytest.mark.parametrize("goes_on", ["tick", "take"])
def test_a_keeper_that_stood_still_writes_nothing_over_what_another_has_counted(database: FickleDatabase, goes_on: str) -> None:
    """It has read nothing that the other one read, be it that time passes for its alerts or that it reads another partition."""
    first = keeper(database)
    first.take([decided(1)], {PLACE: 1}, T0)
    stood_still = keeper(database)
    first.take([decided(2)], {PLACE: 2}, T0 + 1)
    ways = {
        "tick": lambda: stood_still.tick(T0 + 2 * HOUR),
        "take": lambda: stood_still.take([decided(3)], {"weir.decisions/1": 1}, T0 + 2),
    }
    with pytest.raises(OtherReaderError):
        ways[goes_on]()
    assert ([alert.events for alert in RelationalAlerts(database).firing()], told(database)) == ([2], ["alert.opened"])


def test_records_that_come_again_change_nothing(database: FickleDatabase) -> None:
    first = keeper(database)
    first.take([decided(1), decided(2)], {PLACE: 2}, T0)
    first.take([decided(1), decided(2)], {PLACE: 4}, T0 + 1)
    assert (RelationalAlerts(database).firing()[0].events, told(database)) == (2, ["alert.opened"])


def test_a_store_that_was_away_has_everything_once_afterwards(database: FickleDatabase) -> None:
    first = keeper(database)
    first.take([decided(1)], {PLACE: 1}, T0)
    database.away = True
    with pytest.raises(StoreUnavailableError):
        first.take([decided(2)], {PLACE: 2}, T0 + 1)
    database.away = False
    keeper(database).take([decided(2)], {PLACE: 2}, T0 + 1)
    assert (RelationalAlerts(database).firing()[0].events, told(database)) == (2, ["alert.opened"])


def test_a_silence_made_meanwhile_is_obeyed(database: FickleDatabase) -> None:
    first = keeper(database)
    first.tick(T0)
    RelationalAlerts(database).silence(Silence("s", {"card": "c1"}, 0, T0 + HOUR, "ana", "known"))
    first.take([decided(1)], {PLACE: 1}, T0 + 1_000)
    assert told(database) == []


def test_a_revision_takes_an_event_out_of_an_alert_that_was_resolved_before(database: FickleDatabase) -> None:
    keeper(database).take([decided(1), decided(2)], {PLACE: 2}, T0)
    keeper(database).tick(T0 + HOUR)
    keeper(database).take([decided(1, revision=1, action="approve", at_ms=T0 + HOUR)], {PLACE: 3}, T0 + HOUR)
    [alert] = RelationalAlerts(database).page((), (), None, None, 10)
    assert (alert.state, alert.events, alert.loss, told(database)) == ("resolved", 1, 10.0, ["alert.opened", "alert.resolved"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 8))])
def test_a_run_with_kills_at_random_writes_what_a_run_without_them_writes(tmp_path: pathlib.Path, seed: int) -> None:
    """A killed keeper has written a batch, or not; in either case a new one goes on from where the store says."""
    chances = random.Random(seed)
    records = [decided(number, f"c{chances.randrange(5)}", T0 + number * MINUTE) for number in range(120)]
    cuts = sorted(chances.sample(range(1, 120), 25))
    batches = [records[first:last] for first, last in zip([0, *cuts], [*cuts, 120], strict=True)]
    outcomes = []
    for name, kills in (("with", True), ("without", False)):
        (tmp_path / name).mkdir()
        with contextlib.closing(database_in(tmp_path / name)) as database:
            wish = WebhookWish(url="https://example.com/")
            RelationalWebhooks(database).add(StoredWebhook(id="w", wish=wish, keys=(), version=1, by="a", made_at_ms=0, changed_at_ms=0))
            running = keeper(database)
            for batch in batches:
                now_ms, after = batch[-1].event_time_ms, records.index(batch[-1]) + 1
                if kills and chances.random() < 0.5:
                    running = keeper(database)
                running.tick(now_ms)
                running.take(batch, {PLACE: after}, now_ms)
                if kills and chances.random() < 0.3:
                    with pytest.raises(OtherReaderError):
                        keeper_before(database, after).take(batch, {PLACE: after}, now_ms)
            running.tick(T0 + 100 * HOUR)
            messages = [one.message for one in reversed(RelationalDeliveries(database).page("w", (), None, 10_000))]
            of_alert: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
            for one in messages:
                of_alert[one.key].append((one.id, one.full))
            outcomes.append((RelationalAlerts(database).page((), (), None, None, 1_000), of_alert))
    assert outcomes[0] == outcomes[1] and sum(map(len, outcomes[0][1].values())) > 10


def keeper_before(database: Database, after: int) -> AlertKeeper:
    """A keeper that has read less than what is written already."""
    behind = keeper(database)
    behind.positions = {PLACE: after - 1}
    return behind
