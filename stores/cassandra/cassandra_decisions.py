"""Decisions are stored in Cassandra in three tables, each of which answers one kind of question alone.

``event_decision`` has one partition for each event id, ordered by primary entity, with the highest revision first. ``entity_history`` has
one partition for each entity, with the newest event first: the latest score is the first row of an event that is not retracted, so writes
may come in any order and be repeated. ``flagged_in_hour`` has one partition for each hour of event time, ordered by score;
``flagged_hour`` lists the hours. No partition grows without end: an event has few revisions, an hour ends, and of an entity's history only
the newest rows stay, see `stores.cassandra.cassandra_trimming`.
"""

import asyncio
import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from cassandra.query import BoundStatement

from stores.cassandra.cassandra import Keyspace, alike
from stores.cassandra.cassandra_copying import copy_decisions, copy_flags
from stores.cassandra.cassandra_opening import Place
from stores.cassandra.cassandra_quick import QuickQuery
from stores.cassandra.cassandra_rows import decision_of, first_wins_us, flag_us, packed_decision, packed_score, score_of
from stores.cassandra.cassandra_trimming import TRIMMING, Trimming
from stores.cursors import FlaggedPlace, HistoryPlace, cursor_of, flagged_place, history_place
from stores.decisions import USERS_MAX, EventName, LatestScore, Page, StoredDecision

_TABLE = "AND compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'DAYS', 'compaction_window_size': 1}"
_UNIFIED = "compaction = {'class': 'UnifiedCompactionStrategy'}"
MIGRATIONS = (
    (
        f"""CREATE TABLE IF NOT EXISTS decision (
            event_id text, revision int, event_time bigint, sort blob, keys text, score double, action text, release bigint,
            retracted boolean, value blob, PRIMARY KEY (event_id, revision)) WITH CLUSTERING ORDER BY (revision DESC) {_TABLE}""",
        f"""CREATE TABLE IF NOT EXISTS history (
            kind text, id text, event_time bigint, sort blob, revision int, event_id text, score double, action text, release bigint,
            retracted boolean, PRIMARY KEY ((kind, id), event_time, sort, revision, event_id))
            WITH CLUSTERING ORDER BY (event_time DESC, sort DESC, revision DESC, event_id ASC) {_TABLE}""",
        f"""CREATE TABLE IF NOT EXISTS flagged (
            day int, score double, event_time bigint, event_id text, action text, revision int,
            PRIMARY KEY (day, score, event_time, event_id))
            WITH CLUSTERING ORDER BY (score DESC, event_time DESC, event_id DESC) {_TABLE}""",
        "CREATE TABLE IF NOT EXISTS flagged_day (id int, day int, PRIMARY KEY (id, day)) WITH CLUSTERING ORDER BY (day DESC)",
    ),
    (  # write timestamps no longer come from a clock, and compaction by windows of time needs clock times
        "ALTER TABLE decision ADD IF NOT EXISTS packed blob",
        "ALTER TABLE history ADD IF NOT EXISTS packed blob",
        f"ALTER TABLE decision WITH {_UNIFIED} AND compression = {{'enabled': 'false'}}",
        f"ALTER TABLE history WITH {_UNIFIED}",
        f"ALTER TABLE flagged WITH {_UNIFIED}",
    ),
    (  # a primary entity and an id name an event; `stores.cassandra.cassandra_copying` fills these tables from the earlier ones
        f"""CREATE TABLE IF NOT EXISTS event_decision (
            event_id text, user text, revision int, packed blob, PRIMARY KEY (event_id, user, revision))
            WITH CLUSTERING ORDER BY (user ASC, revision DESC) AND {_UNIFIED} AND compression = {{'enabled': 'false'}}""",
        f"""CREATE TABLE IF NOT EXISTS entity_history (
            kind text, id text, event_time bigint, sort blob, revision int, user text, event_id text, packed blob,
            PRIMARY KEY ((kind, id), event_time, sort, revision, user, event_id))
            WITH CLUSTERING ORDER BY (event_time DESC, sort DESC, revision DESC, user DESC, event_id ASC) AND {_UNIFIED}""",
        f"""CREATE TABLE IF NOT EXISTS flagged_event (
            day int, score double, event_time bigint, event_id text, user text, action text, revision int,
            PRIMARY KEY (day, score, event_time, event_id, user))
            WITH CLUSTERING ORDER BY (score DESC, event_time DESC, event_id DESC, user DESC) AND {_UNIFIED}""",
    ),
    (  # the flags of a day were one partition; `stores.cassandra.cassandra_copying` fills these tables from the earlier one
        f"""CREATE TABLE IF NOT EXISTS flagged_in_hour (
            hour int, score double, event_time bigint, event_id text, user text, action text, revision int,
            PRIMARY KEY (hour, score, event_time, event_id, user))
            WITH CLUSTERING ORDER BY (score DESC, event_time DESC, event_id DESC, user DESC) AND {_UNIFIED}""",
        "CREATE TABLE IF NOT EXISTS flagged_hour (id int, hour int, PRIMARY KEY (id, hour)) WITH CLUSTERING ORDER BY (hour DESC)",
    ),
)
TABLES = ("event_decision", "entity_history", "flagged_in_hour", "flagged_hour")
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
IDS_AT_ONCE = 50
LATEST_ROWS = 8
HOURS_KNOWN_MAX = 10_000
FLAGS_AT_ONCE = 20
"""The most flags of one hour that are read at once, since a page takes few rows of most hours."""
_NO_SCORE = -1.0
"""An event without a score is stored with this one, so that it ranks behind every event that has a score."""

_COLUMNS = "event_id, user, revision, packed"
_KEEP = "INSERT INTO event_decision (event_id, user, revision, packed) VALUES (?, ?, ?, ?) USING TIMESTAMP ?"
_REMEMBER = (
    "INSERT INTO entity_history (kind, id, event_time, sort, revision, user, event_id, packed) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "USING TIMESTAMP ?"
)
_FLAG = (
    "INSERT INTO flagged_in_hour (hour, score, event_time, event_id, user, action, revision) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_OF_IDS = f"SELECT {_COLUMNS} FROM event_decision WHERE event_id IN ? GROUP BY event_id, user PER PARTITION LIMIT {USERS_MAX}"  # noqa: S608
_OF_EVENT = f"SELECT {_COLUMNS} FROM event_decision WHERE event_id = ? AND user = ? LIMIT 1"  # noqa: S608
_REVISIONS = f"SELECT {_COLUMNS} FROM event_decision WHERE event_id IN ? AND user IN ?"  # noqa: S608
_HISTORY = "SELECT event_id, user, revision, event_time, sort FROM entity_history WHERE kind = ? AND id = ?"
_OF_ENTITY = f"{_HISTORY} LIMIT ?"
_OF_ENTITY_AFTER = f"{_HISTORY} AND (event_time, sort, revision, user) < (?, ?, ?, ?) LIMIT ?"
_HOURS = "SELECT hour FROM flagged_hour WHERE id = 0 AND hour >= ?"
_FLAG_HOUR = "INSERT INTO flagged_hour (id, hour) VALUES (0, ?)"
_FLAGGED = "SELECT score, event_time, event_id, user, action FROM flagged_in_hour WHERE hour = ?"
_FLAGGED_AFTER = f"{_FLAGGED} AND (score, event_time, event_id, user) < (?, ?, ?, ?)"
_LATEST = "SELECT event_id, user, revision, event_time, packed FROM entity_history WHERE kind = ? AND id = ?"
_READS = (_OF_IDS, _OF_EVENT, _REVISIONS, _OF_ENTITY, _OF_ENTITY_AFTER, _HOURS, _FLAGGED, _FLAGGED_AFTER, _LATEST)
_WRITES = (_KEEP, _REMEMBER, _FLAG, _FLAG_HOUR, *TRIMMING)


class CassandraDecisions:
    """Implements `stores.decisions.Decisions` in Cassandra.

    A write is not one transaction. It writes the rows of ``event_decision`` last, so that readers never find an event that is stored only
    in part; after a failure the whole write has to be repeated. Of several copies of a row, the write timestamps choose the right one, see
    `stores.cassandra.cassandra_rows`.

    Args:
        place: where the keyspace is.
        owner: whether this process makes the tables and writes; otherwise it only reads.

    Raises:
        Refusal: no node answers and `place` is not patient, or another version of Weir made the tables.
    """

    def __init__(self, place: Place, owner: bool = True) -> None:
        self._keyspace = Keyspace(place, MIGRATIONS, owner, (*_READS, *_WRITES))
        self._latest = QuickQuery(place, _LATEST, LATEST_ROWS)
        self._hours: set[int] = set()
        self._trimming = Trimming(self._keyspace)
        if owner:
            for table in TABLES:
                self._keyspace.run(f"ALTER TABLE {table} WITH default_time_to_live = {place.kept_days * DAY_MS // 1000}")
            copy_decisions(self._keyspace, self.write)
            copy_flags(self._keyspace, _FLAG, _FLAG_HOUR)

    def write(self, decisions: list[StoredDecision]) -> int:
        """See `Decisions.write`; it reads nothing first, so the returned number leaves out only repeats within the list."""
        hours = {_hour_of(d.event_time) for d in decisions if d.action != "approve"} - self._hours
        bound = self._keyspace.bound
        found_by = [*(bound(_FLAG_HOUR, hour) for hour in hours), *self._remembered(decisions), *self._flags(decisions)]
        kept = (bound(_KEEP, d.event_id, d.user, d.revision, packed_decision(d), first_wins_us(d)) for d in decisions)
        self._keyspace.write(found_by, kept)
        self._hours = hours if len(self._hours) > HOURS_KNOWN_MAX else self._hours | hours
        self._trimming.wrote([key for d in decisions for key in d.keys])
        return len({(d.event_id, d.user, d.revision) for d in decisions})

    def get(self, event_id: str, user: str | None = None) -> list[StoredDecision]:
        name = EventName(event_id, user)
        return self.get_many([name]).get(name, [])

    def get_many(self, names: Sequence[EventName]) -> dict[EventName, list[StoredDecision]]:
        """See `Decisions.get_many`.

        It asks for 50 ids a request, as nearly every id belongs to one primary entity. One that `USERS_MAX` left out is asked for alone.
        """
        by_id = self._of_ids(list({name.event_id for name in names}))
        found: dict[EventName, list[StoredDecision]] = {}
        for name in names:
            those = by_id.get(name.event_id, [])
            if name.user is not None:
                own = [decision for decision in those if decision.user == name.user]
                those = own if own or len(those) < USERS_MAX else list(self._read(_OF_EVENT, name.event_id, name.user))
            if those:
                found[name] = those
        return found

    def latest(self, kind: str, id: str) -> LatestScore | None:
        """See `Decisions.latest`; it reads rows of one partition from the newest on until one is not retracted."""
        return latest_of(self._keyspace.rows(_LATEST, kind, id, page=LATEST_ROWS))

    async def latest_soon(self, kind: str, id: str) -> LatestScore | None:
        """See `Decisions.latest_soon`; it needs one request, unless all `LATEST_ROWS` rows are retracted: a thread reads those behind."""
        rows = await self._latest.rows(kind, id)
        latest = latest_of(rows)
        if latest is None and len(rows) == LATEST_ROWS:
            return await asyncio.to_thread(self.latest, kind, id)
        return latest

    def flagged(self, actions: tuple[str, ...], since_ms: int, cursor: str | None, limit: int) -> Page:
        """See `Decisions.flagged`; the hours are read in parallel, each from the cursor on."""
        after = flagged_place(cursor) if cursor is not None else None
        hours = [hour for (hour,) in self._keyspace.rows(_HOURS, _hour_of(since_ms))]
        start = msgspec.structs.astuple(after) if after else ()
        query = _FLAGGED_AFTER if after else _FLAGGED
        page = min(limit + 1, FLAGS_AT_ONCE)
        merged = heapq.merge(*self._keyspace.side_by_side(query, [(hour, *start) for hour in hours], page), reverse=True)
        wanted = (FlaggedPlace(*row[:4]) for row in merged if row[1] >= since_ms and row[4] in actions)
        shown = list(islice(self._standing(wanted, actions, limit + 1), limit + 1))
        return Page(shown[:limit], cursor_of(_flagged_place_of(shown[limit - 1])) if len(shown) > limit else None)

    def of_entity(self, kind: str, id: str, before: str | None, limit: int) -> Page:
        """See `Decisions.of_entity`; it reads a slice of one partition."""
        place = history_place(before) if before is not None else None
        query = _OF_ENTITY_AFTER if place else _OF_ENTITY
        start = msgspec.structs.astuple(place) if place else ()
        rows = list(self._keyspace.rows(query, kind, id, *start, limit + 1))
        stored = self._revisions({row[0] for row in rows}, {row[1] for row in rows})
        found = [(stored[row[:3]], row) for row in rows[:limit] if row[:3] in stored]
        # A row that a repeat left behind is skipped.
        shown = [d for d, row in found if (kind, id) in d.keys and (d.event_time, d.order) == row[3:]]
        _, user, revision, event_time, order = rows[limit - 1] if len(rows) > limit else ("", "", 0, 0, b"")
        return Page(shown, cursor_of(HistoryPlace(event_time, order, revision, user)) if len(rows) > limit else None)

    def close(self) -> None:
        self._latest.close()
        self._keyspace.close()

    def _read(self, query: str, *values: object) -> Iterator[StoredDecision]:
        return map(decision_of, self._keyspace.rows(query, *values))

    def _of_ids(self, event_ids: list[str]) -> dict[str, list[StoredDecision]]:
        """Reads by id the highest revision of at most `USERS_MAX` primary entities; skips the empty id, which is no valid key."""
        found: dict[str, list[StoredDecision]] = {}
        wanted = [event_id for event_id in event_ids if event_id]
        for first in range(0, len(wanted), IDS_AT_ONCE):
            for decision in self._read(_OF_IDS, wanted[first : first + IDS_AT_ONCE]):
                found.setdefault(decision.event_id, []).append(decision)
        return found

    def _revisions(self, event_ids: set[str], users: set[str]) -> dict[tuple[str, str, int], StoredDecision]:
        """Reads all revisions of the events that have one of the ids and one of the primary entities; on a page these are few."""
        wanted, found = list(event_ids), {}
        for first in range(0, len(wanted), IDS_AT_ONCE):
            for decision in self._read(_REVISIONS, wanted[first : first + IDS_AT_ONCE], list(users)):
                found[decision.event_id, decision.user, decision.revision] = decision
        return found

    def _remembered(self, decisions: list[StoredDecision]) -> Iterator[BoundStatement]:
        for d in decisions:
            row = None
            for kind, id in set(d.keys):
                row = alike(row, kind, id) if row else self._remembered_by(kind, id, d)
                yield row

    def _remembered_by(self, kind: str, id: str, d: StoredDecision) -> BoundStatement:
        found_by = (kind, id, d.event_time, d.order, d.revision, d.user, d.event_id)
        return self._keyspace.bound(_REMEMBER, *found_by, packed_score(d), first_wins_us(d))

    def _flags(self, decisions: list[StoredDecision]) -> Iterator[BoundStatement]:
        """Makes the rows of flags. A flag stays in its table when its event is corrected; `_standing` leaves it out later."""
        for d in decisions:
            if d.action != "approve":
                place = msgspec.structs.astuple(_flagged_place_of(d))
                yield self._keyspace.bound(_FLAG, _hour_of(d.event_time), *place, d.action, d.revision, flag_us(d))

    def _standing(self, places: Iterator[FlaggedPlace], actions: tuple[str, ...], at_once: int) -> Iterator[StoredDecision]:
        """Gives the decisions of those flags that agree with the highest revisions of their events."""
        while some := list(islice(places, at_once)):
            decisions = self.get_many([EventName(place.event_id, place.user) for place in some])
            for place in some:
                for d in decisions.get(EventName(place.event_id, place.user), []):
                    if d.action in actions and _flagged_place_of(d) == place:
                        yield d


def _hour_of(time_ms: int) -> int:
    """Gives the number of the hour since the epoch, bounded to 32 bits as the column is; times beyond that do not occur in earnest."""
    return min(max(time_ms // HOUR_MS, -(1 << 31)), (1 << 31) - 1)


def latest_of(rows: Iterable[tuple[Any, ...]]) -> LatestScore | None:
    """Finds the first score of an event that is not retracted.

    Args:
        rows: from the newest event on; the row of a retraction comes before the rows of the event that it retracts.
    """
    gone = set()
    for row in rows:
        latest, retracted = score_of(row)
        if retracted:
            gone.add((latest.event_id, latest.user))
        elif (latest.event_id, latest.user) not in gone:
            return latest
    return None


def _flagged_place_of(d: StoredDecision) -> FlaggedPlace:
    return FlaggedPlace(_NO_SCORE if d.score is None else d.score, d.event_time, d.event_id, d.user)
