"""The audit log in Cassandra: a number is given by a lightweight transaction, so that two processes cannot both have it."""

import random
import threading
import time
from collections.abc import Iterator

from stores.audit import FIRST, Entry, Fact, link
from stores.cassandra.cassandra import Keyspace
from stores.cassandra.cassandra_access import MIGRATIONS
from stores.cassandra.cassandra_opening import Place
from stores.decisions import StoreUnavailableError

BUCKET = 1_000
"""Entries a partition: numbers 1 to 999 are in bucket 0."""
TRIES_MAX = 200
PAUSE_SECONDS_MAX = 0.02
_COLUMNS = "number, previous, said, hash"
_APPEND = f"INSERT INTO audit (bucket, {_COLUMNS}) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS"  # noqa: S608
_FROM = f"SELECT {_COLUMNS} FROM audit WHERE bucket = ? AND number >= ?"  # noqa: S608
_BUCKETS = "SELECT DISTINCT bucket FROM audit"
_BEFORE = f"SELECT {_COLUMNS} FROM audit WHERE bucket = ? AND number < ? ORDER BY number DESC LIMIT ?"  # noqa: S608


class CassandraAudit:
    """See `stores.audit.Audit`. The newest entry is looked for once, and from then on behind the newest that was seen.

    Args:
        place: the keyspace.
        owner: makes the tables where they are missing.

    Raises:
        Refusal: no node answers and `place` is not patient, or the tables are of another version.
    """

    def __init__(self, place: Place, owner: bool = True) -> None:
        self._keyspace = Keyspace(place, MIGRATIONS, owner, (_APPEND, _FROM, _BEFORE, _BUCKETS))
        self._lock = threading.Lock()
        self._newest = Entry(0, "", "", FIRST)

    def append(self, fact: Fact) -> Entry:
        with self._lock:
            for _ in range(TRIES_MAX):
                newest = self._newest_now()
                entry = link(newest.number + 1, newest.hash, fact)
                if self._keyspace.change(_APPEND, entry.number // BUCKET, entry.number, entry.previous, entry.said, entry.hash):
                    self._newest = entry
                    return entry
                time.sleep(random.uniform(0.0, PAUSE_SECONDS_MAX))  # noqa: S311 - others append at the same moment
        raise StoreUnavailableError(f"Cassandra: no place in the audit log in {TRIES_MAX} tries")

    def page(self, before: int | None, limit: int) -> list[Entry]:
        if before is None:
            with self._lock:
                before = self._newest_now().number + 1
        found: list[Entry] = []
        for bucket in range((before - 1) // BUCKET, -1, -1):
            found += (Entry(*row) for row in self._keyspace.rows(_BEFORE, bucket, before, limit - len(found)))
            if len(found) == limit:
                break
        return found

    def walk(self) -> Iterator[Entry]:
        for bucket in self._buckets():
            yield from self._from(bucket, 0)

    def close(self) -> None:
        self._keyspace.close()

    def _newest_now(self) -> Entry:
        newest = self._newest
        following = [] if newest.number else [entry for bucket in self._buckets()[-1:] for entry in self._from(bucket, 0)]
        while True:
            newest = following[-1] if following else newest
            following = list(self._from((newest.number + 1) // BUCKET, newest.number + 1))
            if not following:
                self._newest = newest
                return newest

    def _from(self, bucket: int, number: int) -> Iterator[Entry]:
        return (Entry(*row) for row in self._keyspace.rows(_FROM, bucket, number))

    def _buckets(self) -> list[int]:
        """Those that are there, in order: also behind one that somebody took out."""
        return sorted(bucket for (bucket,) in self._keyspace.rows(_BUCKETS))
