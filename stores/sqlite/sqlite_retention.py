"""Decisions in SQLite that were written so many days ago go: some with each write, so that no write waits for them."""

import logging
import sqlite3
from collections.abc import Callable

import msgspec

log = logging.getLogger(__name__)

DAY_SECONDS = 86_400
DAY_MS = 86_400_000
AT_ONCE_MAX = 500
"""Decisions that go in one transaction, which takes some 20 ms."""
AT_ONCE_LEAST = 50

_TABLE = "CREATE TABLE IF NOT EXISTS written_day (day INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL)"
_BEGIN = """INSERT INTO written_day SELECT :day, CASE WHEN EXISTS (SELECT 1 FROM written_day)
        THEN (SELECT coalesce(max(seq), 0) + 1 FROM decision) ELSE 0 END
    WHERE :day > (SELECT coalesce(max(day), 0) FROM written_day)"""
_OLD = """SELECT seq, event_id, event_time, sort, revision, keys, coalesce(score, -1.0) FROM decision
    WHERE seq < (SELECT min(first_seq) FROM written_day WHERE day >= ?) ORDER BY seq LIMIT ?"""
_OF_KEY = "WHERE kind = ? AND id = ? AND event_time = ? AND sort = ? AND revision = ?"
# The newest decision stays whatever its age: behind it the numbers go on, and none is given twice.
_NEWEST = "SELECT max(seq) FROM decision"

_Keys = tuple[tuple[str, str], ...]


class Retention:
    """Which decisions of a file were written on which day, and the forgetting of those that are too old.

    A decision counts from the day on which it was written, as in Cassandra, so that an old event that is decided anew is kept as long as
    any other. What was there before days were noted counts from the first day that is. Freed pages of the file hold what comes next:
    the file stays as large as it was at most, and is not made smaller.

    Args:
        connection: of the one that writes.
        kept_days: whole days; 0 keeps everything.
        clock: seconds since the epoch. One that jumps back forgets nothing.
        age_ms: ms since the epoch by which decisions are too old; see `foundation.age_clock`.
        latest_again: the statement that finds the latest score of a (kind, id) anew.
    """

    def __init__(
        self, connection: sqlite3.Connection, kept_days: int, clock: Callable[[], float], age_ms: Callable[[], int], latest_again: str
    ) -> None:
        self._connection = connection
        self._kept_days = kept_days
        self._clock = clock
        self._age_ms = age_ms
        self._latest_again = latest_again
        self._day = 0
        connection.execute(_TABLE)

    def begin_day(self) -> None:
        """Notes that what is written from now on is of today; to be called within each transaction that writes."""
        day = int(self._clock()) // DAY_SECONDS
        if day > self._day:
            self._connection.execute(_BEGIN, {"day": day})
            self._day = day

    def forget(self, written: int) -> int:
        """After a write of so many decisions, lets go up to twice as many that are too old, in a transaction of its own.

        What cannot be done now, on a full disk for instance, is logged and done after a later write: the write before it stands.
        """
        if not self._kept_days:
            return 0
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            gone = self._forget(min(AT_ONCE_MAX, 2 * written + AT_ONCE_LEAST))
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            log.warning("decisions that are too old stay for now: %s", error)
            self._roll_back()
            return 0
        except BaseException:
            self._roll_back()
            raise
        return gone

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # SQLite ends it itself where a disk is full
            self._connection.execute("ROLLBACK")

    def _forget(self, limit: int) -> int:
        [(newest,)] = self._connection.execute(_NEWEST)
        old = [
            row
            for row in self._connection.execute(_OLD, (min(self._day, self._age_ms() // DAY_MS) - self._kept_days, limit))
            if row[0] != newest
        ]
        many = self._connection.executemany
        of_keys = [
            (kind, id, time, sort, revision, seq)
            for seq, _, time, sort, revision, keys, _ in old
            for kind, id in set(msgspec.json.decode(keys, type=_Keys))
        ]
        many(f"DELETE FROM history {_OF_KEY} AND seq = ?", of_keys)  # noqa: S608
        many("DELETE FROM flagged WHERE score = ? AND event_time = ? AND event_id = ? AND seq = ?", [(r[6], r[2], r[1], r[0]) for r in old])
        many("DELETE FROM decision WHERE seq = ?", [(row[0],) for row in old])
        for kind, id, time, sort, revision, _ in of_keys:
            latest = f"DELETE FROM latest {_OF_KEY}"  # noqa: S608
            if self._connection.execute(latest, (kind, id, time, sort, revision)).rowcount:
                self._connection.execute(self._latest_again, (kind, id))
        return len(old)
