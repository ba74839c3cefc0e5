"""What the store of alerts keeps to, in each database of `PLACES`."""

import contextlib
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from alerts_of_a_test import alert
from databases_of_a_test import PLACES

from stores.casework.alerts import Alert, AlertEvent, Alerts, AlertWork, Silence, Span, Suppression
from stores.casework.deliveries import Message
from stores.offsets import OtherReaderError, Progress
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.database import Database

PLACE = "weir.decisions/0"


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> Alerts:
    return RelationalAlerts(database)


def counted(key: str, revision: int, alert: str, loss: float) -> AlertEvent:
    return AlertEvent("attack", key, revision, alert, loss, "u1", "e" + key, 5)


def work(
    *alerts: Alert,
    progress: Progress | None = None,
    events: Sequence[AlertEvent] = (),
    spans: Sequence[Span] = (),
    messages: Sequence[tuple[Message, Sequence[str]]] = (),
) -> AlertWork:
    return AlertWork(alerts, events, spans, messages, progress=progress)


def test_what_follows_from_a_batch_is_written_once(store: Alerts, database: Database) -> None:
    message = Message("m1", "alert.opened", "c1", 1_000, b"{}", b"{}")
    batch = work(
        alert("a1"),
        progress=Progress({}, {PLACE: 10}),
        events=[counted("k1", 0, "a1", 10.5)],
        spans=[Span("attack", 1_000, 1, 0)],
        messages=[(message, ["w1"])],
    )
    store.write(batch)
    with pytest.raises(match=PLACE):
        store.write(batch)
    assert (store.positions(), store.firing(), store.spans()) == ({PLACE: 10}, [alert("a1")], [Span("attack", 1_000, 1, 0)])
    assert [one.message for one in RelationalDeliveries(database).due("w1", 2_000, 10)] == [message]


def test_what_silences_rules_is_kept_until_it_is_forgotten(store: Alerts) -> None:
    first, second = (Suppression("often", f"k{at}", {"card": f"c{at}"}, "e1", at, 1_000 + at, at) for at in (1, 2))
    other = Suppression("other", "k1", {}, "e1", 5, 5_000)
    store.write(AlertWork((), (), (), (), suppressions=[first, second, other]))
    again = msgspec.structs.replace(first, silenced=7)
    store.write(AlertWork((), (), (), (), suppressions=[again]))
    assert store.suppressions_of("often", 5) == [again, second]
    assert store.suppressions_of("often", 1) == [again]
    assert store.suppressions(2) == [other, second]
    store.forget(1_002, 10)
    assert store.suppressions(5) == [other, second]


def test_of_two_processes_that_read_the_same_the_second_writes_nothing(store: Alerts) -> None:
    store.write(work(progress=Progress({}, {PLACE: 10, "weir.alerts/0": 3})))
    store.write(work(progress=Progress({PLACE: 10, "weir.alerts/0": 3}, {PLACE: 20})))
    with pytest.raises(OtherReaderError):
        store.write(work(alert("a1"), progress=Progress({PLACE: 10, "weir.alerts/0": 3}, {"weir.alerts/0": 4, PLACE: 30})))
    assert (store.positions(), store.firing()) == ({PLACE: 20, "weir.alerts/0": 3}, [])


def test_a_later_state_takes_the_place_of_an_earlier_one(store: Alerts) -> None:
    store.write(work(alert("a1"), events=[counted("k1", 0, "a1", 10.0)], spans=[Span("attack", 1, 1, 0)]))
    ended = alert("a1", state="resolved", resolved_at_ms=5_000, version=2)
    store.write(work(ended, events=[counted("k1", 1, "", 0.0)], spans=[Span("attack", 1, 3, 4)]))
    assert (store.firing(), store.get(["a1", "a2"]), store.spans()) == ([], {"a1": ended}, [Span("attack", 1, 3, 4)])
    assert store.counted([("attack", "k1")]) == {("attack", "k1"): counted("k1", 1, "", 0.0)}


def test_alerts_that_were_resolved_lately_are_found(store: Alerts) -> None:
    ended = [alert(f"a{number}", state="resolved", resolved_at_ms=number * 1_000) for number in range(4)]
    store.write(work(alert("b1"), *ended))
    assert (store.resolved_since(2_000), store.resolved_since(4_000)) == (ended[2:], [])


def test_many_rows_are_written_and_read_at_once(store: Alerts) -> None:
    alerts = [alert(f"a{number:04d}", number) for number in range(1_203)]
    events = [counted(f"k{number:04d}", 0, "a0000", 1.0) for number in range(1_203)]
    store.write(work(*alerts, events=events))
    assert store.firing() == alerts
    assert len(store.counted([("attack", f"k{number:04d}") for number in range(2_000)] + [("other", "k0000")])) == 1_203
    assert len(store.get([one.id for one in alerts])) == 1_203


def test_alerts_come_by_pages_and_filters(store: Alerts) -> None:
    alerts = [alert(f"a{number}", number // 2, f"c{number % 2}", name="attack" if number < 4 else "burst") for number in range(6)]
    alerts[0] = msgspec.structs.replace(alerts[0], state="resolved", resolved_at_ms=9)
    store.write(work(*alerts))

    def ids(**how: object) -> list[str]:
        asked: dict[str, object] = {"states": (), "names": (), "group": None, "before": None, "limit": 10} | how
        return [one.id for one in store.page(**asked)]  # type: ignore[arg-type]

    assert ids() == ["a5", "a4", "a3", "a2", "a1", "a0"]
    assert (ids(limit=2), ids(limit=2, before=(2, "a4"))) == (["a5", "a4"], ["a3", "a2"])
    assert (ids(states=["resolved"]), ids(names=["attack"]), ids(group=("card", "c1"))) == (
        ["a0"],
        ["a3", "a2", "a1", "a0"],
        ["a5", "a3", "a1"],
    )
    assert ids(group=("card", "nobody"), states=["firing"]) == []


def test_events_of_an_alert_come_by_pages(store: Alerts) -> None:
    store.write(work(alert("a1"), events=[counted(f"k{number}", 0, "a1", 1.0) for number in range(5)]))
    first = store.events_of("a1", "", 3)
    assert [event.key for event in first + store.events_of("a1", first[-1].key, 3)] == [f"k{number}" for number in range(5)]


def test_silences_last_until_their_end(store: Alerts) -> None:
    long, short = (Silence(id, {"card": "c1"}, 0, until_ms, "ana", "a test") for id, until_ms in (("s1", 9_000), ("s2", 5_000)))
    store.silence(long)
    store.silence(short)
    assert (store.silences(0), store.silences(5_000), store.silences(9_000)) == ([short, long], [long], [])
    store.silence(msgspec.structs.replace(long, until_ms=6_000))
    assert [silence.until_ms for silence in store.silences(5_500)] == [6_000]


def test_resolved_alerts_are_forgotten_with_their_events(store: Alerts) -> None:
    ended = [alert(f"a{number}", state="resolved", resolved_at_ms=number * 1_000) for number in range(4)]
    store.write(work(*ended, alert("b1"), events=[counted("k0", 0, "a0", 1.0), counted("k1", 0, "b1", 1.0)]))
    assert (store.forget(3_000, 2), store.forget(3_000, 2), store.forget(3_000, 2)) == (2, 1, 0)
    assert (sorted(store.get(["a0", "a3", "b1"])), list(store.counted([("attack", "k0"), ("attack", "k1")]))) == (
        ["a3", "b1"],
        [("attack", "k1")],
    )
    assert store.page((), (), ("card", "c1"), None, 10) == [alert("b1"), ended[3]]


def test_alerts_are_pulled_by_their_newest_changes(store: Alerts) -> None:
    store.write(AlertWork([alert("a1"), alert("a2")], (), (), (), at_ms=5_000_000))
    store.write(AlertWork([alert("a1", version=2)], (), (), (), at_ms=6_000_000))
    store.write(AlertWork([alert("a3")], (), (), (), at_ms=7_000_000))
    found = store.changed(None, 6_000_000, 9)
    assert [(at_ms, one.id, one.version) for at_ms, one in found] == [(5_000_000, "a2", 1), (6_000_000, "a1", 2)]
    assert [one.id for _, one in store.changed((6_000_000, "a1"), 8_000_000, 9)] == ["a3"]
    assert [one.id for _, one in store.changed(None, 8_000_000, 1)] == ["a2"]
