"""Decisions in a SQLite file: one process writes, others read it at the same time."""

import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import msgspec

from stores.cursors import FlaggedPlace, HistoryPlace, cursor_of, flagged_place, history_place
from stores.decisions import USERS_MAX, EventName, LatestScore, Page, StoredDecision, TopicPlace
from stores.sqlite.many_rows import put_rows
from stores.sqlite.sqlite import Reading, open_for_writing
from stores.sqlite.sqlite_retention import Retention

KEYS_AT_ONCE = 500
MIGRATIONS = (
    (
        """CREATE TABLE decision (
            seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, revision INTEGER NOT NULL, event_time INTEGER NOT NULL, sort BLOB NOT NULL,
            keys TEXT NOT NULL, score REAL, action TEXT NOT NULL, release INTEGER NOT NULL, value BLOB NOT NULL)""",
        "CREATE UNIQUE INDEX decision_by_event ON decision (event_id, revision)",
        """CREATE TABLE history (
            kind TEXT NOT NULL, id TEXT NOT NULL, event_time INTEGER NOT NULL, sort BLOB NOT NULL, revision INTEGER NOT NULL,
            event_id TEXT NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY (kind, id, event_time, sort, revision, event_id)) WITHOUT ROWID""",
        """CREATE TABLE latest (
            kind TEXT NOT NULL, id TEXT NOT NULL, score REAL, action TEXT NOT NULL, event_id TEXT NOT NULL, revision INTEGER NOT NULL,
            event_time INTEGER NOT NULL, sort BLOB NOT NULL, release INTEGER NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID""",
        """CREATE TABLE flagged (
            score REAL NOT NULL, event_time INTEGER NOT NULL, event_id TEXT NOT NULL, action TEXT NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY (score, event_time, event_id)) WITHOUT ROWID""",
    ),
    (
        "ALTER TABLE decision ADD COLUMN retracted INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX retracted_event ON decision (event_id) WHERE retracted",
    ),
    tuple(f"ALTER TABLE {table} ADD COLUMN {column}" for table in ("decision", "latest") for column in ("partition INTEGER", "at INTEGER")),
    (  # an event is its user and its id
        "ALTER TABLE decision ADD COLUMN user TEXT NOT NULL DEFAULT ''",
        # From the history, for a text from JSON ends where it holds a NUL.
        "UPDATE decision SET user = h.id FROM history h WHERE h.seq = decision.seq AND h.kind = json_extract(decision.keys, '$[0][0]')",
        "DROP INDEX decision_by_event",
        "CREATE UNIQUE INDEX decision_by_event ON decision (event_id, user, revision)",
        "DROP INDEX retracted_event",
        "CREATE INDEX retracted_event ON decision (event_id, user) WHERE retracted",
        """CREATE TABLE history_of_users (
            kind TEXT NOT NULL, id TEXT NOT NULL, event_time INTEGER NOT NULL, sort BLOB NOT NULL, revision INTEGER NOT NULL,
            user TEXT NOT NULL, event_id TEXT NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY (kind, id, event_time, sort, revision, user, event_id)) WITHOUT ROWID""",
        """INSERT INTO history_of_users SELECT h.kind, h.id, h.event_time, h.sort, h.revision, d.user, h.event_id, h.seq
            FROM history h JOIN decision d ON d.seq = h.seq""",
        "DROP TABLE history",
        "ALTER TABLE history_of_users RENAME TO history",
        """CREATE TABLE flagged_of_users (
            score REAL NOT NULL, event_time INTEGER NOT NULL, event_id TEXT NOT NULL, user TEXT NOT NULL, action TEXT NOT NULL,
            seq INTEGER NOT NULL, PRIMARY KEY (score, event_time, event_id, user)) WITHOUT ROWID""",
        """INSERT INTO flagged_of_users SELECT f.score, f.event_time, f.event_id, d.user, f.action, f.seq
            FROM flagged f JOIN decision d ON d.seq = f.seq""",
        "DROP TABLE flagged",
        "ALTER TABLE flagged_of_users RENAME TO flagged",
        "ALTER TABLE latest ADD COLUMN user TEXT NOT NULL DEFAULT ''",
        """UPDATE latest SET user = coalesce(
            (SELECT user FROM decision d WHERE d.event_id = latest.event_id AND d.revision = latest.revision), '')""",
    ),
)
_NO_SCORE = -1.0
"""Ranks what has no score behind everything that has one."""

_COLUMNS = "d.event_id, d.revision, d.event_time, d.sort, d.keys, d.score, d.action, d.release, d.value, d.retracted, d.partition, d.at"
_HIGHEST = "d.revision = (SELECT max(revision) FROM decision WHERE event_id = d.event_id AND user = d.user)"
_OF_ID = f"SELECT {_COLUMNS} FROM decision d WHERE d.event_id = ? AND {_HIGHEST} ORDER BY d.user LIMIT {USERS_MAX}"  # noqa: S608
_OF_EVENT = f"SELECT {_COLUMNS} FROM decision d WHERE d.event_id = ? AND d.user = ? ORDER BY d.revision DESC LIMIT 1"  # noqa: S608
_IF_LATER = """ON CONFLICT (kind, id) DO UPDATE SET score = excluded.score, action = excluded.action, event_id = excluded.event_id,
        revision = excluded.revision, event_time = excluded.event_time, sort = excluded.sort, release = excluded.release,
        partition = excluded.partition, at = excluded.at, user = excluded.user
    WHERE (excluded.event_time, excluded.sort, excluded.revision) > (latest.event_time, latest.sort, latest.revision)"""


_LATEST_AGAIN = """INSERT INTO latest
    SELECT h.kind, h.id, d.score, d.action, d.event_id, d.revision, d.event_time, d.sort, d.release, d.partition, d.at, d.user
    FROM history h JOIN decision d ON d.seq = h.seq
    WHERE h.kind = ? AND h.id = ? AND NOT EXISTS (SELECT 1 FROM decision WHERE retracted AND event_id = h.event_id AND user = h.user)
    ORDER BY h.event_time DESC, h.sort DESC, h.revision DESC LIMIT 1"""


Event = tuple[str, str]
"""The id of an event and of its user."""


class SqliteDecisionsReader:
    """The reading half; empty until the writer has made the file. Safe for threads.

    Args:
        path: of the file.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._reading = Reading(path, len(MIGRATIONS))

    def get(self, event_id: str, user: str | None = None) -> list[StoredDecision]:
        rows = self._reading.rows(_OF_ID, (event_id,)) if user is None else self._reading.rows(_OF_EVENT, (event_id, user))
        return [_decision(row) for row in rows]

    def get_many(self, names: Sequence[EventName]) -> dict[EventName, list[StoredDecision]]:
        found = ((name, self.get(*name)) for name in dict.fromkeys(names))
        return {name: decisions for name, decisions in found if decisions}

    def latest(self, kind: str, id: str) -> LatestScore | None:
        query = "SELECT score, action, event_id, revision, event_time, release, partition, at, user FROM latest WHERE kind = ? AND id = ?"
        rows = self._reading.rows(query, (kind, id))
        if not rows:
            return None
        *score, partition, offset, user = rows[0]
        return LatestScore(*score, _place(partition, offset), user)  # type: ignore[arg-type, call-arg]

    async def latest_soon(self, kind: str, id: str) -> LatestScore | None:
        """See `Decisions.latest_soon`: some ten microseconds, less than any way round the event loop."""
        return self.latest(kind, id)

    def flagged(self, actions: tuple[str, ...], since_ms: int, cursor: str | None, limit: int) -> Page:
        """See `Decisions.flagged`: each page begins in the table ``flagged`` where the cursor says, and reads none before."""
        place = flagged_place(cursor) if cursor is not None else None
        after = "AND (f.score, f.event_time, f.event_id, f.user) < (?, ?, ?, ?)" if place else ""
        query = f"""SELECT {_COLUMNS} FROM flagged f JOIN decision d ON d.seq = f.seq
            WHERE f.event_time >= ? AND f.action IN (SELECT value FROM json_each(?)) {after}
            ORDER BY f.score DESC, f.event_time DESC, f.event_id DESC, f.user DESC LIMIT ?"""  # noqa: S608
        start = msgspec.structs.astuple(place) if place else ()
        rows = self._reading.rows(query, (since_ms, _json(list(actions)), *start, limit + 1))
        return _page([_decision(row) for row in rows], limit, _flagged_place_of)

    def of_entity(self, kind: str, id: str, before: str | None, limit: int) -> Page:
        """See `Decisions.of_entity`: a walk along the table ``history`` from the cursor on."""
        place = history_place(before) if before is not None else None
        after = "AND (h.event_time, h.sort, h.revision, h.user) < (?, ?, ?, ?)" if place else ""
        query = f"""SELECT {_COLUMNS} FROM history h JOIN decision d ON d.seq = h.seq WHERE h.kind = ? AND h.id = ? {after}
            ORDER BY h.event_time DESC, h.sort DESC, h.revision DESC, h.user DESC LIMIT ?"""  # noqa: S608
        start = msgspec.structs.astuple(place) if place else ()
        rows = self._reading.rows(query, (kind, id, *start, limit + 1))
        return _page([_decision(row) for row in rows], limit, _history_place_of)

    def write(self, decisions: list[StoredDecision]) -> int:
        """Not this half's.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("opened for reading only")

    def close(self) -> None:
        self._reading.close()


class SqliteDecisions(SqliteDecisionsReader):
    """Reads and writes; one at a time may write. A write is one transaction: about 50 µs a decision of two or three keys.

    Args:
        path: of the file, made with its folder where missing.
        kept_days: how long a decision is kept after it was written; 0: for ever.
        clock: seconds since the epoch; tells on which day a decision is written.
        age_ms: ms since the epoch; tells on which day one is too old. None means `clock`.
    """

    def __init__(
        self,
        path: pathlib.Path,
        kept_days: int = 0,
        clock: Callable[[], float] = time.time,
        age_ms: Callable[[], int] | None = None,
    ) -> None:
        self._connection = open_for_writing(path, MIGRATIONS)
        self._retention = Retention(self._connection, kept_days, clock, age_ms or (lambda: int(clock() * 1000)), _LATEST_AGAIN)
        super().__init__(path)

    def write(self, decisions: list[StoredDecision]) -> int:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._retention.begin_day()
            written = self._write(decisions)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite ends it itself where a disk is full
                self._connection.execute("ROLLBACK")
            raise
        self._retention.forget(written)
        return written

    def close(self) -> None:
        super().close()
        self._connection.close()

    def _write(self, decisions: list[StoredDecision]) -> int:
        known = self._revisions(list({event_of(decision) for decision in decisions}))
        fresh: dict[tuple[Event, int], StoredDecision] = {}
        for decision in decisions:
            if decision.revision not in known.get(event_of(decision), ()):
                fresh.setdefault((event_of(decision), decision.revision), decision)
        if fresh:
            first = int(self._connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM decision").fetchone()[0])
            numbered = list(enumerate(fresh.values(), first))
            self._keep(numbered)
            self._end_latest(numbered)
            self._flag(numbered, known)
        return len(fresh)

    def _revisions(self, events: list[Event]) -> dict[Event, set[int]]:
        """Which revisions of these events are kept."""
        known: dict[Event, set[int]] = {}
        for event_id, user, revision in self._of_events("event_id, user, revision", events):
            known.setdefault((str(event_id), str(user)), set()).add(int(str(revision)))
        return known

    def _of_events(self, columns: str, events: list[Event], condition: str = "TRUE") -> Iterator[tuple[object, ...]]:
        for first in range(0, len(events), KEYS_AT_ONCE):
            part = events[first : first + KEYS_AT_ONCE]
            holders = ",".join(["(?, ?)"] * len(part))
            # A cross join, since an IN list of pairs would be looked for in all decisions.
            query = f"""SELECT {columns} FROM (VALUES {holders}) AS wanted CROSS JOIN decision
                ON event_id = wanted.column1 AND user = wanted.column2 AND {condition}"""  # noqa: S608
            yield from self._connection.execute(query, list(chain.from_iterable(part)))

    def _keep(self, numbered: list[tuple[int, StoredDecision]]) -> None:
        put_rows(self._connection, "INSERT INTO decision", [_row_of(seq, d) for seq, d in numbered], 14)
        of_keys = sorted(
            (kind, id, d.event_time, d.order, d.revision, d.user, d.event_id, seq) for seq, d in numbered for kind, id in set(d.keys)
        )
        put_rows(self._connection, "INSERT INTO history", of_keys, 8)
        newest: dict[tuple[str, str], StoredDecision] = {}
        for _, d in sorted(numbered, key=lambda pair: (pair[1].event_time, pair[1].order, pair[1].revision)):
            newest.update(dict.fromkeys(d.keys, d))
        of_newest = [
            (*key, d.score, d.action, d.event_id, d.revision, d.event_time, d.order, d.release, *_columns(d.place), d.user)
            for key, d in sorted(newest.items(), key=lambda item: item[0])
        ]
        put_rows(self._connection, "INSERT INTO latest", of_newest, 12, _IF_LATER)

    def _end_latest(self, numbered: list[tuple[int, StoredDecision]]) -> None:
        """The latest scores of all keys of retracted events are looked up anew."""
        gone = {event_of(d) for _, d in numbered if d.retracted}
        retracted = self._of_events("event_id, user", list({event_of(d) for _, d in numbered}), "retracted")
        gone |= {(str(event_id), str(user)) for event_id, user in retracted}
        keys = sorted({key for _, d in numbered if event_of(d) in gone for key in d.keys})
        self._connection.executemany("DELETE FROM latest WHERE kind = ? AND id = ?", keys)
        self._connection.executemany(_LATEST_AGAIN, keys)

    def _flag(self, numbered: list[tuple[int, StoredDecision]], known: dict[Event, set[int]]) -> None:
        """Each event stands with its highest revision, and not at all when that one approves."""
        highest: dict[Event, tuple[int, StoredDecision]] = {}
        for seq, d in numbered:
            event = event_of(d)
            above = max((*known.get(event, ()), highest[event][1].revision if event in highest else -1), default=-1)
            if d.revision > above:
                highest[event] = (seq, d)
        self._connection.executemany(
            "DELETE FROM flagged WHERE seq IN (SELECT seq FROM decision WHERE event_id = ? AND user = ?)",
            [event for event in highest if event in known],
        )
        self._connection.executemany(
            "INSERT INTO flagged VALUES (?, ?, ?, ?, ?, ?)",
            [(*msgspec.structs.astuple(_flagged_place_of(d)), d.action, seq) for seq, d in highest.values() if d.action != "approve"],
        )


def event_of(decision: StoredDecision) -> Event:
    """Which event a decision is on."""
    return decision.event_id, decision.user


def _flagged_place_of(decision: StoredDecision) -> FlaggedPlace:
    return FlaggedPlace(_rank(decision), decision.event_time, decision.event_id, decision.user)


def _history_place_of(decision: StoredDecision) -> HistoryPlace:
    return HistoryPlace(decision.event_time, decision.order, decision.revision, decision.user)


def _rank(decision: StoredDecision) -> float:
    return _NO_SCORE if decision.score is None else decision.score


def _page(decisions: list[StoredDecision], limit: int, place_of: Callable[[StoredDecision], FlaggedPlace | HistoryPlace]) -> Page:
    """A page of `limit` from one row more than that, which tells whether another page follows."""
    shown = decisions[:limit]
    return Page(shown, cursor_of(place_of(shown[-1])) if shown and len(decisions) > limit else None)


def _row_of(seq: int, d: StoredDecision) -> tuple[object, ...]:
    found_by = (seq, d.event_id, d.revision, d.event_time, d.order, _json(d.keys))
    return (*found_by, d.score, d.action, d.release, d.value, d.retracted, *_columns(d.place), d.user)


def _decision(row: tuple[object, ...]) -> StoredDecision:
    event_id, revision, event_time, order, keys, score, action, release, value, retracted, *place = row
    pairs = msgspec.json.decode(str(keys), type=tuple[tuple[str, str], ...])
    found = (event_id, revision, event_time, order, pairs, score, action, release, value, bool(retracted), _place(*place))
    return StoredDecision(*found)  # type: ignore[arg-type]


def _place(partition: object, offset: object) -> TopicPlace | None:
    return None if partition is None else TopicPlace(partition, offset)  # type: ignore[arg-type]


def _columns(place: TopicPlace | None) -> tuple[int, int] | tuple[None, None]:
    return (place.partition, place.offset) if place else (None, None)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
