"""Decisions in Cassandra, in three tables, each with all that its question needs.

``decision`` one partition an event, the highest revision first. ``history`` one an entity, the newest event first: its latest score
is the first row of an event that stands, so that writes may come in any order, and again. ``flagged`` one a day of event time, by
score; ``flagged_day`` says which days there are.
"""

import asyncio
import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
from cassandra.query import BoundStatement

from stores.cassandra import Keyspace, alike
from stores.cassandra_opening import Place
from stores.cassandra_quick import QuickQuery
from stores.cassandra_rows import decision_of, first_wins_us, flag_us, packed_decision, packed_score, score_of
from stores.cursors import FlaggedPlace, HistoryPlace, cursor_of, flagged_place, history_place
from stores.decisions import LatestScore, Page, StoredDecision

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
    (  # timestamps of writes are no longer those of a clock, which windows of time need
        "ALTER TABLE decision ADD IF NOT EXISTS packed blob",
        "ALTER TABLE history ADD IF NOT EXISTS packed blob",
        f"ALTER TABLE decision WITH {_UNIFIED} AND compression = {{'enabled': 'false'}}",
        f"ALTER TABLE history WITH {_UNIFIED}",
        f"ALTER TABLE flagged WITH {_UNIFIED}",
    ),
)
DAY_MS = 86_400_000
IDS_AT_ONCE = 50
LATEST_ROWS = 8
_NO_SCORE = -1.0
"""Ranks what has no score behind everything that has one."""

_COLUMNS = "event_id, revision, event_time, sort, keys, score, action, release, value, retracted, packed"
_KEEP = "INSERT INTO decision (event_id, revision, packed) VALUES (?, ?, ?) USING TIMESTAMP ?"
_REMEMBER = "INSERT INTO history (kind, id, event_time, sort, revision, event_id, packed) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
_FLAG = "INSERT INTO flagged (day, score, event_time, event_id, action, revision) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
_OF_EVENTS = f"SELECT {_COLUMNS} FROM decision WHERE event_id IN ?"  # noqa: S608
_HISTORY = "SELECT event_id, revision, event_time, sort FROM history WHERE kind = ? AND id = ?"
_OF_ENTITY = f"{_HISTORY} LIMIT ?"
_OF_ENTITY_AFTER = f"{_HISTORY} AND (event_time, sort, revision) < (?, ?, ?) LIMIT ?"
_DAYS = "SELECT day FROM flagged_day WHERE id = 0"
_FLAG_DAY = "INSERT INTO flagged_day (id, day) VALUES (0, ?)"
_FLAGGED = "SELECT score, event_time, event_id, action FROM flagged WHERE day = ?"
_FLAGGED_AFTER = f"{_FLAGGED} AND (score, event_time, event_id) < (?, ?, ?)"
_LATEST = "SELECT score, action, event_id, revision, event_time, release, retracted, packed FROM history WHERE kind = ? AND id = ?"
_READS = (_OF_EVENTS, _OF_ENTITY, _OF_ENTITY_AFTER, _DAYS, _FLAGGED, _FLAGGED_AFTER, _LATEST)
_WRITES = (_KEEP, _REMEMBER, _FLAG, _FLAG_DAY)


class CassandraDecisions:
    """See `stores.decisions.Decisions`. A write is not one transaction: rows of ``decision`` come last, so that readers never find an
    event of which something is missing; one that failed half-way is done again whole.

    Which of several copies stands is for the timestamps, see `stores.cassandra_rows`: an event id that comes in two partitions, of
    two users, keeps the decision of the lower offset, and an entity that only the other one has keeps that one's score.

    Args:
        place: the keyspace.
        owner: makes the tables, and writes; else for reading only.

    Raises:
        Refusal: no node answers and `place` is not patient, or the tables are of another version.
    """

    def __init__(self, place: Place, owner: bool = True) -> None:
        self._keyspace = Keyspace(place, MIGRATIONS, owner, (*_READS, *_WRITES))
        self._latest = QuickQuery(place, _LATEST, LATEST_ROWS)
        self._days: set[int] = set()
        if owner:
            for table in ("decision", "history", "flagged", "flagged_day"):
                self._keyspace.run(f"ALTER TABLE {table} WITH default_time_to_live = {place.kept_days * DAY_MS // 1000}")

    def write(self, decisions: list[StoredDecision]) -> int:
        """See `Decisions.write`: nothing is read first, so that of repeats only those within the list are known."""
        days = {d.event_time // DAY_MS for d in decisions if d.action != "approve"} - self._days
        bound = self._keyspace.bound
        found_by = [*(bound(_FLAG_DAY, day) for day in days), *self._remembered(decisions), *self._flags(decisions)]
        kept = (bound(_KEEP, d.event_id, d.revision, packed_decision(d), first_wins_us(d)) for d in decisions)
        self._keyspace.write(found_by, kept)
        self._days |= days
        return len({(d.event_id, d.revision) for d in decisions})

    def get(self, event_id: str) -> StoredDecision | None:
        return self.get_many([event_id]).get(event_id)

    def get_many(self, event_ids: list[str]) -> dict[str, StoredDecision]:
        found: dict[str, StoredDecision] = {}
        for row in self._of_events(_OF_EVENTS, event_ids):
            decision = decision_of(row)
            if decision.event_id not in found or found[decision.event_id].revision < decision.revision:
                found[decision.event_id] = decision
        return found

    def latest(self, kind: str, id: str) -> LatestScore | None:
        """See `Decisions.latest`: the newest rows of one partition, as far as they are retracted."""
        return latest_of(self._keyspace.rows(_LATEST, kind, id, page=LATEST_ROWS))

    async def latest_soon(self, kind: str, id: str) -> LatestScore | None:
        """See `Decisions.latest_soon`: one request, unless all rows of its page are retracted; those behind them are read in a thread."""
        rows = await self._latest.rows(kind, id)
        latest = latest_of(rows)
        if latest is None and len(rows) == LATEST_ROWS:
            return await asyncio.to_thread(self.latest, kind, id)
        return latest

    def flagged(self, actions: tuple[str, ...], since_ms: int, cursor: str | None, limit: int) -> Page:
        """See `Decisions.flagged`: the days are read side by side, each from the cursor on."""
        after = flagged_place(cursor) if cursor is not None else None
        days = [day for (day,) in self._keyspace.rows(_DAYS) if day >= since_ms // DAY_MS]
        merged = heapq.merge(*(self._flagged_on(day, after, limit) for day in days), reverse=True)
        wanted = (FlaggedPlace(*row[:3]) for row in merged if row[1] >= since_ms and row[3] in actions)
        shown = list(islice(self._standing(wanted, actions, limit + 1), limit + 1))
        return Page(shown[:limit], cursor_of(_flagged_place_of(shown[limit - 1])) if len(shown) > limit else None)

    def of_entity(self, kind: str, id: str, before: str | None, limit: int) -> Page:
        """See `Decisions.of_entity`: a slice of one partition."""
        place = history_place(before) if before is not None else None
        query = _OF_ENTITY_AFTER if place else _OF_ENTITY
        start = (place.event_time, place.order, place.revision) if place else ()
        rows = list(self._keyspace.rows(query, kind, id, *start, limit + 1))
        stored = {(row[0], row[1]): row for row in self._of_events(_OF_EVENTS, list({row[0] for row in rows}))}
        found = [(decision_of(stored[row[:2]]), row) for row in rows[:limit] if row[:2] in stored]
        shown = [d for d, row in found if (kind, id) in d.keys and (d.event_time, d.order) == row[2:]]  # not what a repeat left
        _, revision, event_time, order = rows[limit - 1] if len(rows) > limit else ("", 0, 0, b"")
        return Page(shown, cursor_of(HistoryPlace(event_time, order, revision)) if len(rows) > limit else None)

    def close(self) -> None:
        self._latest.close()
        self._keyspace.close()

    def _of_events(self, query: str, event_ids: list[str]) -> Iterator[tuple[Any, ...]]:
        """All revisions of some events; an empty id is nobody's, and no key of a partition."""
        wanted = [event_id for event_id in event_ids if event_id]
        for first in range(0, len(wanted), IDS_AT_ONCE):
            yield from self._keyspace.rows(query, wanted[first : first + IDS_AT_ONCE])

    def _remembered(self, decisions: list[StoredDecision]) -> Iterator[BoundStatement]:
        for d in decisions:
            row = None
            for kind, id in set(d.keys):
                row = alike(row, kind, id) if row else self._remembered_by(kind, id, d)
                yield row

    def _remembered_by(self, kind: str, id: str, d: StoredDecision) -> BoundStatement:
        found_by = (kind, id, d.event_time, d.order, d.revision, d.event_id)
        return self._keyspace.bound(_REMEMBER, *found_by, packed_score(d), first_wins_us(d))

    def _flags(self, decisions: list[StoredDecision]) -> Iterator[BoundStatement]:
        """A flag stays when its event is corrected; `_standing` leaves it out."""
        for d in decisions:
            if d.action != "approve":
                place = msgspec.structs.astuple(_flagged_place_of(d))
                yield self._keyspace.bound(_FLAG, d.event_time // DAY_MS, *place, d.action, d.revision, flag_us(d))

    def _standing(self, places: Iterator[FlaggedPlace], actions: tuple[str, ...], at_once: int) -> Iterator[StoredDecision]:
        """The decisions of those flags that say what their events' highest revisions say."""
        while some := list(islice(places, at_once)):
            decisions = self.get_many([place.event_id for place in some])
            for place in some:
                d = decisions.get(place.event_id)
                if d is not None and d.action in actions and _flagged_place_of(d) == place:
                    yield d

    def _flagged_on(self, day: int, after: FlaggedPlace | None, limit: int) -> Iterator[tuple[Any, ...]]:
        start = (after.score, after.event_time, after.event_id) if after else ()
        return self._keyspace.rows(_FLAGGED_AFTER if after else _FLAGGED, day, *start, page=limit + 1)


def latest_of(rows: Iterable[tuple[Any, ...]]) -> LatestScore | None:
    """The first score of an event that is not retracted, of rows from the newest event on; a retraction stands before what it ends."""
    gone = set()
    for row in rows:
        latest, retracted = score_of(row)
        if retracted:
            gone.add(latest.event_id)
        elif latest.event_id not in gone:
            return latest
    return None


def _flagged_place_of(d: StoredDecision) -> FlaggedPlace:
    return FlaggedPlace(_NO_SCORE if d.score is None else d.score, d.event_time, d.event_id)
