"""What only a store that is a server can get wrong."""

import msgspec
import pytest

from features.refusal import Refusal
from stores.cassandra import Keyspace, Place
from stores.cassandra_decisions import CassandraDecisions
from stores.decisions import StoredDecision, StoreUnavailableError

pytestmark = pytest.mark.integration


def flagged(id: int) -> StoredDecision:
    return StoredDecision(str(id), 0, 1_700_000_000_000, id.to_bytes(8, "big"), (("card", "c"),), 0.9, "block", 1, b"{}")


@pytest.fixture
def place(cassandra: Place) -> Place:
    return msgspec.structs.replace(cassandra, keyspace="failing")


@pytest.mark.parametrize("failing", [0, 1])
def test_a_write_that_failed_half_way_is_whole_when_it_is_done_again(place: Place, failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CassandraDecisions(msgspec.structs.replace(place, keyspace=f"failing_{failing}"))
    real, calls = Keyspace.write, []

    def write(keyspace: Keyspace, rows: object) -> None:
        calls.append(rows)
        if len(calls) == failing + 1:
            raise StoreUnavailableError("the test says so")
        real(keyspace, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(Keyspace, "write", write)
    with pytest.raises(StoreUnavailableError):
        store.write([flagged(1)])
    assert store.get("1") is None
    assert store.write([flagged(1)]) == 1
    assert store.get("1") == flagged(1)
    assert [each.event_id for each in store.flagged(("block",), 0, None, 10).decisions] == ["1"]
    assert store.write([flagged(1)]) == 0
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
        assert {store._keyspace.run(query, "failing", table)[0][0] for table in ("decision", "history", "flagged")} == {seconds}
        store.close()
