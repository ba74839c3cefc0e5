import pathlib
import sqlite3

import msgspec
import pytest

from foundation.refusal import Refusal
from stores.decisions import LatestScore, StoredDecision, TopicPlace
from stores.sqlite.sqlite import open_for_writing
from stores.sqlite.sqlite_decisions import MIGRATIONS, SqliteDecisions, SqliteDecisionsReader


def decision(number: int) -> StoredDecision:
    return StoredDecision(str(number), 0, number, number.to_bytes(8, "big"), (("customer", "u"),), 0.5, "review", 1, b"{}")


def test_a_reader_is_empty_before_the_writer_and_then_follows_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "stores" / "decisions.db"
    reader = SqliteDecisionsReader(path)
    assert reader.get("1") == []
    assert reader.flagged(("review",), 0, None, 5).decisions == []
    writer = SqliteDecisions(path)
    writer.write([decision(1)])
    assert reader.get("1") == [decision(1)]
    writer.write([decision(2)])
    latest = reader.latest("customer", "u")
    assert latest is not None
    assert latest.event_id == "2"
    reader.close()
    writer.close()


def test_a_reader_cannot_write(tmp_path: pathlib.Path) -> None:
    with pytest.raises(RuntimeError):
        SqliteDecisionsReader(tmp_path / "decisions.db").write([decision(1)])


def test_a_write_that_fails_leaves_nothing(tmp_path: pathlib.Path) -> None:
    store = SqliteDecisions(tmp_path / "decisions.db")
    bad = StoredDecision("2", 0, 1 << 70, b"", (), 0.5, "review", 1, b"{}")
    with pytest.raises(OverflowError):
        store.write([decision(1), bad])
    assert store.get("1") == []
    assert store.write([decision(1)]) == 1
    store.close()


def test_decisions_outlive_the_process(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "decisions.db"
    store = SqliteDecisions(path)
    store.write([decision(1)])
    store.close()
    again = SqliteDecisions(path)
    assert again.get("1") == [decision(1)]
    assert again.write([decision(1)]) == 0
    again.close()


def test_decisions_of_the_first_version_are_there_after_an_upgrade(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "decisions.db"
    connection = open_for_writing(path, MIGRATIONS[:1])
    connection.execute("INSERT INTO decision VALUES (1, '1', 0, 1, x'01', '[[\"customer\",\"u\"]]', 0.5, 'review', 1, x'7b7d')")
    connection.execute("INSERT INTO history VALUES ('customer', 'u', 1, x'01', 0, '1', 1)")
    connection.close()
    store = SqliteDecisions(path)
    first = StoredDecision("1", 0, 1, b"\x01", (("customer", "u"),), 0.5, "review", 1, b"{}")
    assert store.get("1") == store.get("1", "u") == [first]
    assert store.of_entity("customer", "u", None, 5).decisions == [first]
    store.close()


@pytest.mark.parametrize("user", ["v", "a\0b", 'ü"', "x" * 5_000])
def test_events_of_the_third_version_keep_their_flags_and_latest_scores_and_make_room_for_another_users(
    tmp_path: pathlib.Path, user: str
) -> None:
    path = tmp_path / "decisions.db"
    connection = open_for_writing(path, MIGRATIONS[:3])
    keys = msgspec.json.encode([["customer", user], ["device", "d"]]).decode()
    connection.execute("INSERT INTO decision VALUES (1, '1', 0, 1, x'01', ?, 0.5, 'review', 1, x'7b7d', 0, 2, 70)", (keys,))
    for kind, id in (("customer", user), ("device", "d")):
        connection.execute("INSERT INTO history VALUES (?, ?, 1, x'01', 0, '1', 1)", (kind, id))
        connection.execute("INSERT INTO latest VALUES (?, ?, 0.5, 'review', '1', 0, 1, x'01', 1, 2, 70)", (kind, id))
    connection.execute("INSERT INTO flagged VALUES (0.5, 1, '1', 'review', 1)")
    connection.close()
    store = SqliteDecisions(path)
    old = StoredDecision("1", 0, 1, b"\x01", (("customer", user), ("device", "d")), 0.5, "review", 1, b"{}", False, TopicPlace(2, 70))
    assert store.get("1", user) == store.flagged(("review",), 0, None, 5).decisions == [old]
    assert store.latest("device", "d") == LatestScore(0.5, "review", "1", 0, 1, 1, TopicPlace(2, 70), user)
    other = msgspec.structs.replace(old, keys=(("customer", "other"), ("device", "d")))
    assert store.write([old, other]) == 1
    assert {each.user for each in store.get("1")} == {user, "other"}
    assert {each.user for each in store.of_entity("device", "d", None, 5).decisions} == {user, "other"}
    store.close()


def test_tables_of_a_newer_version_are_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "decisions.db"
    SqliteDecisions(path).close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO schema_version VALUES (99, 0)")
    connection.commit()
    connection.close()
    with pytest.raises(Refusal, match="newer"):
        SqliteDecisions(path)
    with pytest.raises(Refusal, match="newer"):
        SqliteDecisionsReader(path).get("1")


def test_a_file_that_is_no_database_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "decisions.db"
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(Refusal, match="not a store"):
        SqliteDecisions(path)
