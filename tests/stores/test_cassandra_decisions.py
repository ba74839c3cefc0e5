"""What only a store that is a server can get wrong."""

import random

import msgspec
import pytest

from features.refusal import Refusal
from stores.cassandra import Keyspace
from stores.cassandra_decisions import MIGRATIONS, TABLES, CassandraDecisions
from stores.cassandra_opening import Place
from stores.cassandra_rows import packed_decision
from stores.decisions import EventName, LatestScore, StoredDecision, StoreUnavailableError, TopicPlace

pytestmark = pytest.mark.integration


def flagged(id: int) -> StoredDecision:
    return StoredDecision(str(id), 0, 1_700_000_000_000, id.to_bytes(8, "big"), (("card", "c"),), 0.9, "block", 1, b"{}")


@pytest.fixture
def place(cassandra: Place) -> Place:
    return msgspec.structs.replace(cassandra, keyspace="failing")


@pytest.mark.parametrize("failing", [0, 1])
def test_a_write_that_failed_half_way_is_whole_when_it_is_done_again(place: Place, failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CassandraDecisions(msgspec.structs.replace(place, keyspace=f"failing_{failing}"))
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
    store.close()


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
def test_the_copy_of_the_least_offset_stands_whatever_was_written_last(place: Place, order: tuple[int, ...]) -> None:
    store = CassandraDecisions(msgspec.structs.replace(place, keyspace=f"copies_{order[0]}{order[1]}"))
    copies = [copy(10, 0.6), copy(11, 0.9), copy(1 << 40, 0.7, "review")]
    for number in order:
        store.write([copies[number]])
    assert store.get("7") == [copies[0]]
    assert store.flagged(("block", "review"), 0, None, 10).decisions == [copies[0]]
    assert store.of_entity("card", "c", None, 10).decisions == [copies[0]]
    assert store.latest("card", "c") == LatestScore(0.6, "block", "7", 0, 1_700_000_000_000, 1, TopicPlace(1, 10), "c")
    store.close()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (2, 0, 1)])
def test_a_flag_is_the_highest_revisions_even_where_its_place_is_that_of_a_lower_one(place: Place, order: tuple[int, ...]) -> None:
    store = CassandraDecisions(msgspec.structs.replace(place, keyspace=f"flags_{order[0]}{order[1]}"))
    revisions = [copy(10, 0.9, "review"), copy(20, 0.3, "approve", 1), copy(30, 0.9, "block", 2)]
    for number in order:
        store.write([revisions[number]])
    assert store.flagged(("block",), 0, None, 10).decisions == [revisions[2]]
    assert store.flagged(("review",), 0, None, 10).decisions == []
    store.close()


def test_pages_are_full_though_flags_of_corrected_events_lie_between(place: Place) -> None:
    store = CassandraDecisions(msgspec.structs.replace(place, keyspace="between"))
    store.write([flagged(number) for number in range(1, 40)])
    store.write(
        [msgspec.structs.replace(flagged(number), revision=1, action="approve", score=0.1) for number in range(1, 40) if number % 9]
    )
    first = store.flagged(("block",), 0, None, 3)
    second = store.flagged(("block",), 0, first.next, 3)
    assert [each.event_id for each in first.decisions + second.decisions] == ["9", "36", "27", "18"]
    assert (first.next is None, second.next) == (False, None)
    store.close()


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


def test_decisions_too_great_for_one_batch_are_kept_too(place: Place) -> None:
    store = CassandraDecisions(msgspec.structs.replace(place, keyspace="great"))
    draw = random.Random(5)
    great = [msgspec.structs.replace(flagged(number), value=draw.randbytes(20_000 if number else 400_000)) for number in range(250)]
    store.write(great)
    assert store.get_many([EventName(each.event_id) for each in great]) == {EventName(each.event_id): [each] for each in great}
    store.close()


def test_who_waits_little_for_answers_opens_the_store_all_the_same(cassandra: Place) -> None:
    place = msgspec.structs.replace(cassandra, keyspace="opened")
    CassandraDecisions(place).close()
    CassandraDecisions(msgspec.structs.replace(place, timeout_seconds=0.000_001), owner=False).close()
