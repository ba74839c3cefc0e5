"""What somebody who may write to the keyspace can do, and what is seen of it; what a process finds that opens the log later."""

from collections.abc import Iterator

import msgspec
import pytest

from stores.audit import Fact, verify
from stores.cassandra import cassandra_audit
from stores.cassandra.cassandra_access import access_place
from stores.cassandra.cassandra_audit import CassandraAudit
from stores.cassandra.cassandra_opening import Place

pytestmark = pytest.mark.integration


@pytest.fixture
def place(cassandra: Place) -> Place:
    return access_place(msgspec.structs.replace(cassandra, keyspace="audit_chain"))


@pytest.fixture
def audit(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[CassandraAudit]:
    """A log of 23 entries in six partitions."""
    monkeypatch.setattr(cassandra_audit, "BUCKET", 4)
    made = CassandraAudit(place)
    made._keyspace.run("TRUNCATE audit")
    for at_ms in range(23):
        made.append(fact(at_ms))
    yield made
    made.close()


def fact(at_ms: int) -> Fact:
    return Fact(at_ms, "owner", ("admin",), "PUT /v1/policy", "intent")


def found(audit: CassandraAudit) -> str:
    broken = verify(audit.walk()).broken
    return broken.what if broken else ""


def test_a_changed_entry_is_named(audit: CassandraAudit) -> None:
    said = list(audit.walk())[9].said.replace("owner", "other")
    audit._keyspace.run("UPDATE audit SET said = %s WHERE bucket = 2 AND number = 10", said)
    assert found(audit) == "entry 10 was changed or inserted: its hash does not match what it says"


def test_a_removed_entry_and_a_removed_partition_are_named(audit: CassandraAudit) -> None:
    audit._keyspace.run("DELETE FROM audit WHERE bucket = 4")
    assert found(audit) == "entries 16 to 19 are missing"
    audit._keyspace.run("DELETE FROM audit WHERE bucket = 1 AND number = 5")
    assert found(audit) == "entry 5 is missing"


def test_a_log_with_a_gap_goes_on_at_its_end(audit: CassandraAudit, place: Place) -> None:
    audit._keyspace.run("DELETE FROM audit WHERE bucket = 4")
    later = CassandraAudit(place)
    assert later.append(fact(99)).number == 24
    assert audit.append(fact(100)).number == 25
    assert [entry.number for entry in later.page(None, 6)] == [25, 24, 23, 22, 21, 20]
    later.close()


def test_a_log_that_was_cut_off_is_seen_by_who_kept_its_head(audit: CassandraAudit) -> None:
    head = list(audit.walk())[-1].hash
    audit._keyspace.run("DELETE FROM audit WHERE bucket = 5")
    assert verify(audit.walk()).broken is None
    broken = verify(audit.walk(), head).broken
    assert broken is not None
    assert "cut off after entry 19" in broken.what


def test_who_only_reads_finds_the_log_and_makes_no_tables(audit: CassandraAudit, place: Place) -> None:
    reader = CassandraAudit(place, owner=False)
    assert [entry.number for entry in reader.page(None, 3)] == [23, 22, 21]
    assert verify(reader.walk()).entries == 23
    reader.close()
