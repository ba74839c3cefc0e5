"""What only a store that is a server can get wrong."""

import random
from collections.abc import Iterator

import msgspec
import pytest
from cassandra import InvalidRequest

from foundation.refusal import Refusal
from stores.cassandra import cassandra_trimming
from stores.cassandra.cassandra import Keyspace
from stores.cassandra.cassandra_decisions import MIGRATIONS, TABLES, CassandraDecisions
from stores.cassandra.cassandra_opening import Place
from stores.cassandra.cassandra_rows import packed_decision
from stores.decisions import EventName, LatestScore, StoredDecision, StoreUnavailableError, TopicPlace

pytestmark = pytest.mark.integration


def flagged(id: int) -> StoredDecision:
    return StoredDecision(str(id), 0, 1_700_000_000_000, id.to_bytes(8, "big"), (("card", "c"),), 0.9, "block", 1, b"{}")


@pytest.fixture
def place(cassandra: Place) -> Place:
    return msgspec.structs.replace(cassandra, keyspace="failing")


@pytest.fixture
def store(cassandra: Place) -> Iterator[CassandraDecisions]:
    """One without rows. Its keyspace is made once for all tests: it takes seconds, and emptying its tables takes a tenth of one."""
    made = CassandraDecisions(msgspec.structs.replace(cassandra, keyspace="emptied"))
    for table in TABLES:
        made._keyspace.run(f"TRUNCATE {table}")
    yield made
    made.close()


@pytest.mark.parametrize("failing", [0, 1])
def test_a_write_that_failed_half_way_is_whole_when_it_is_done_again(
    store: CassandraDecisions, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Keyspace._send, []

    def send(keyspace: Keyspace, rows: object) -> None:
        calls.append(rows)
        if len(calls) == failing + 1:
            raise StoreUnavailableError("the test says so")
        real(keyspace, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(Keyspace, "_send", send)
    with pytest.raises(StoreUnavailableError):
        store.write([flagged(1)])
    assert store.get("1") == []
    assert store.write([flagged(1)]) == 1
    assert store.get("1") == [flagged(1)]
    assert [each.event_id for each in store.flagged(("block",), 0, None, 10).decisions] == ["1"]
    store.write([flagged(1)])
    assert [each.event_id for each in store.flagged(("block",), 0, None, 10).decisions] == ["1"]


def test_a_keyspace_that_is_no_name_is_refused(place: Place) -> None:
    with pytest.raises(Refusal, match="bad keyspace"):
        CassandraDecisions(msgspec.structs.replace(place, keyspace="weir; DROP KEYSPACE x"))


def test_a_reader_refuses_a_keyspace_without_tables_and_a_port_without_a_node(place: Place) -> None:
    with pytest.raises(Refusal, match=r"no answer from Cassandra|store of another version"):
        CassandraDecisions(msgspec.structs.replace(place, keyspace="nothing_there"), owner=False)
    with pytest.raises(Refusal, match="no answer from Cassandra"):
        CassandraDecisions(msgspec.structs.replace(place, port=1))


def test_old_rows_are_let_go_as_the_settings_say(place: Place) -> None:
    for kept_days, seconds in ((7, 7 * 86_400), (0, 0)):
        store = CassandraDecisions(msgspec.structs.replace(place, kept_days=kept_days))
        query = "SELECT default_time_to_live FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s"
        assert {store._keyspace.run(query, "failing", table)[0][0] for table in TABLES} == {seconds}
        store.close()


def copy(offset: int, score: float, action: str = "block", revision: int = 0) -> StoredDecision:
    place = TopicPlace(1, offset)
    return StoredDecision("7", revision, 1_700_000_000_000, b"7", (("card", "c"),), score, action, 1, str(score).encode(), False, place)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_copy_of_the_least_offset_stands_whatever_was_written_last(store: CassandraDecisions, order: tuple[int, ...]) -> None:
    copies = [copy(10, 0.6), copy(11, 0.9), copy(1 << 40, 0.7, "review")]
    for number in order:
        store.write([copies[number]])
    assert store.get("7") == [copies[0]]
    assert store.flagged(("block", "review"), 0, None, 10).decisions == [copies[0]]
    assert store.of_entity("card", "c", None, 10).decisions == [copies[0]]
    assert store.latest("card", "c") == LatestScore(0.6, "block", "7", 0, 1_700_000_000_000, 1, TopicPlace(1, 10), "c")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (2, 0, 1)])
def test_a_flag_is_the_highest_revisions_even_where_its_place_is_that_of_a_lower_one(
    store: CassandraDecisions, order: tuple[int, ...]
) -> None:
    revisions = [copy(10, 0.9, "review"), copy(20, 0.3, "approve", 1), copy(30, 0.9, "block", 2)]
    for number in order:
        store.write([revisions[number]])
    assert store.flagged(("block",), 0, None, 10).decisions == [revisions[2]]
    assert store.flagged(("review",), 0, None, 10).decisions == []


def test_pages_are_full_though_flags_of_corrected_events_lie_between(store: CassandraDecisions) -> None:
    store.write([flagged(number) for number in range(1, 40)])
    store.write(
        [msgspec.structs.replace(flagged(number), revision=1, action="approve", score=0.1) for number in range(1, 40) if number % 9]
    )
    first = store.flagged(("block",), 0, None, 3)
    second = store.flagged(("block",), 0, first.next, 3)
    assert [each.event_id for each in first.decisions + second.decisions] == ["9", "36", "27", "18"]
    assert (first.next is None, second.next) == (False, None)


def test_rows_from_before_they_were_packed_are_read_and_stand(place: Place) -> None:
    at = msgspec.structs.replace(place, keyspace="older")
    old = Keyspace(at, MIGRATIONS[:1], True, ())
    kept = "event_id, revision, event_time, sort, keys, score, action, release, value, retracted"
    old.run(f"INSERT INTO decision ({kept}) VALUES ('1', 0, 5, 0x01, '[[\"card\",\"c\"]]', 0.5, 'review', 1, 0x7b7d, false)")
    kept = "kind, id, event_time, sort, revision, event_id, score, action, release, retracted"
    old.run(f"INSERT INTO history ({kept}) VALUES ('card', 'c', 5, 0x01, 0, '1', 0.5, 'review', 1, false)")
    old.close()
    store = CassandraDecisions(at)
    first = StoredDecision("1", 0, 5, b"\x01", (("card", "c"),), 0.5, "review", 1, b"{}")
    store.write([msgspec.structs.replace(first, score=0.9, place=TopicPlace(0, 3))])
    assert store.get("1") == store.get("1", "c") == [first]
    assert store.latest("card", "c") == LatestScore(0.5, "review", "1", 0, 5, 1, None, "c")
    assert store.of_entity("card", "c", None, 5).decisions == [first]
    store.close()


def test_decisions_of_the_tables_before_events_had_users_are_copied_and_found_by_all_that_found_them(place: Place) -> None:
    at = msgspec.structs.replace(place, keyspace="before_users")
    old = Keyspace(at, MIGRATIONS[:2], True, ())
    made = [
        msgspec.structs.replace(flagged(number), keys=(("card", f"c{number % 7}"), ("device", "d")), place=TopicPlace(1, number))
        for number in range(1, 2_500)
    ]
    insert = old._session.prepare("INSERT INTO before_users.decision (event_id, revision, packed) VALUES (?, ?, ?)")
    old._send(insert.bind((each.event_id, each.revision, packed_decision(each))) for each in made)
    old.close()
    CassandraDecisions(at).close()
    store = CassandraDecisions(at)
    names = [EventName(each.event_id, each.user) for each in made]
    assert store.get_many(names) == {name: [each] for name, each in zip(names, made, strict=True)}
    assert len(store.of_entity("device", "d", None, 3_000).decisions) == len(made)
    assert store.flagged(("block",), 0, None, 1).decisions == [max(made, key=lambda each: each.event_id)]
    assert store.latest("card", "c1") is not None
    store.write([msgspec.structs.replace(made[0], score=0.1, place=TopicPlace(1, 9_000))])
    assert store.get("1") == [made[0]]
    store.close()


def test_decisions_too_great_for_one_batch_are_kept_too(store: CassandraDecisions) -> None:
    draw = random.Random(5)
    great = [msgspec.structs.replace(flagged(number), value=draw.randbytes(20_000 if number else 400_000)) for number in range(250)]
    store.write(great)
    assert store.get_many([EventName(each.event_id) for each in great]) == {EventName(each.event_id): [each] for each in great}


def test_who_waits_little_for_answers_opens_the_store_all_the_same(cassandra: Place) -> None:
    place = msgspec.structs.replace(cassandra, keyspace="opened")
    CassandraDecisions(place).close()
    CassandraDecisions(msgspec.structs.replace(place, timeout_seconds=0.000_001), owner=False).close()


def test_flags_of_the_table_by_the_day_are_copied_once_and_stand_by_the_hour(place: Place) -> None:
    at = msgspec.structs.replace(place, keyspace="by_the_day")
    hour_ms = 3_600_000
    made = [msgspec.structs.replace(flagged(number), event_time=number * hour_ms, place=TopicPlace(1, number)) for number in range(1, 60)]
    old = Keyspace(at, MIGRATIONS[:3], True, ())
    row = "INSERT INTO flagged_event (day, score, event_time, event_id, user, action, revision) VALUES (%s, 0.9, %s, %s, 'c', 'block', 0)"
    for each in made:
        old.run(row, each.event_time // (24 * hour_ms), each.event_time, each.event_id)
    old.close()
    CassandraDecisions(at).close()
    store = CassandraDecisions(at)
    with pytest.raises(InvalidRequest):
        store._keyspace.run("SELECT day FROM flagged_event")
    kept = store._keyspace.rows("SELECT hour FROM flagged_hour WHERE id = 0 AND hour >= ?", 0)
    assert sorted(hour for (hour,) in kept) == list(range(1, 60))
    assert store.flagged(("block",), 0, None, 100).decisions == []  # what was decided is not there
    store.write(made)
    assert len(store.flagged(("block",), 0, None, 100).decisions) == 59
    store.close()


def test_flags_of_many_hours_come_by_score_page_by_page(store: CassandraDecisions) -> None:
    hour_ms = 3_600_000
    made = [
        msgspec.structs.replace(flagged(number), event_time=(number % 70) * hour_ms + number, score=number * 37 % 1_009 / 1_009)
        for number in range(1, 1_000)
    ]
    store.write(made)
    cursor, found = None, list[StoredDecision]()
    while True:
        page = store.flagged(("block",), 5 * hour_ms, cursor, 90)
        found += page.decisions
        if (cursor := page.next) is None:
            break
    wanted = [each for each in made if each.event_time >= 5 * hour_ms]
    assert found == sorted(wanted, key=lambda each: (each.score, each.event_time, each.event_id), reverse=True)


def test_of_an_entitys_history_the_newest_rows_stay(store: CassandraDecisions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cassandra_trimming, "ROWS_MAX", 200)
    monkeypatch.setattr(cassandra_trimming, "LOOK_AFTER", 50)
    for first in range(0, 2_000, 20):
        made = [
            msgspec.structs.replace(
                flagged(number), event_time=1_000 + number, place=TopicPlace(0, number), keys=(("card", f"c{number}"), ("shop", "hot"))
            )
            for number in range(first, first + 20)
        ]
        store.write(made)
    kept = store.of_entity("shop", "hot", None, 3_000).decisions
    assert [each.event_id for each in kept] == [str(number) for number in range(1_999, 1_999 - len(kept), -1)]
    assert 200 <= len(kept) <= 200 + 50 + 20
    assert store.latest("shop", "hot").event_id == "1999"  # type: ignore[union-attr]
    assert store.latest("card", "c3") is not None
    assert store.get("3") != []


def test_entities_that_are_seldom_written_are_counted_no_more_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cassandra_trimming, "COUNTED_MAX", 100)
    looked_at: list[tuple[str, str]] = []
    monkeypatch.setattr(cassandra_trimming, "LOOK_AFTER", 500)
    trimming = cassandra_trimming.Trimming(None)  # type: ignore[arg-type]
    monkeypatch.setattr(trimming, "_trim", lambda *key: looked_at.append(key))
    for number in range(2_100):
        trimming.wrote([("shop", "hot"), ("card", f"c{number}")])
        assert len(trimming._counts) <= 100
    assert looked_at == [("shop", "hot")] * 4
