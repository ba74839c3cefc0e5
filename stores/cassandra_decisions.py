"""Decisions in Cassandra, in three tables, each with all that its question needs.

``decision`` one partition an event, the highest revision first. ``history`` one an entity, the newest event first: its latest score
is the first row of an event that stands, so that writes may come in any order, and again. ``flagged`` one a day of event time, by
score; ``flagged_day`` says which days there are.
"""

import asyncio
import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from cassandra.query import BoundStatement

from stores.cassandra import Keyspace, Place
from stores.cursors import FlaggedPlace, HistoryPlace, cursor_of, flagged_place, history_place
from stores.decisions import LatestScore, Page, StoredDecision

_TABLE = "AND compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'DAYS', 'compaction_window_size': 1}"
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
)
DAY_MS = 86_400_000
IDS_AT_ONCE = 50
LATEST_ROWS = 8
_NO_SCORE = -1.0
"""Ranks what has no score behind everything that has one."""

_COLUMNS = "event_id, revision, event_time, sort, keys, score, action, release, value, retracted"
_KEEP = f"INSERT INTO decision ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_REMEMBER = """INSERT INTO history (kind, id, event_time, sort, revision, event_id, score, action, release, retracted)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_FLAG = "INSERT INTO flagged (day, score, event_time, event_id, action, revision) VALUES (?, ?, ?, ?, ?, ?)"
_OF_EVENTS = f"SELECT {_COLUMNS} FROM decision WHERE event_id IN ?"  # noqa: S608
_SEEN_OF_EVENTS = "SELECT event_id, revision, event_time, score, action FROM decision WHERE event_id IN ?"
_HISTORY = "SELECT event_id, revision, event_time, sort FROM history WHERE kind = ? AND id = ?"
_OF_ENTITY = f"{_HISTORY} LIMIT ?"
_OF_ENTITY_AFTER = f"{_HISTORY} AND (event_time, sort, revision) < (?, ?, ?) LIMIT ?"
_DAYS = "SELECT day FROM flagged_day WHERE id = 0"
_FLAG_DAY = "INSERT INTO flagged_day (id, day) VALUES (0, ?)"
_FLAGGED = "SELECT score, event_time, event_id, action FROM flagged WHERE day = ?"
_FLAGGED_AFTER = f"{_FLAGGED} AND (score, event_time, event_id) < (?, ?, ?)"
_LATEST = "SELECT score, action, event_id, revision, event_time, release, retracted FROM history WHERE kind = ? AND id = ?"
_UNFLAG = "DELETE FROM flagged WHERE day = ? AND score = ? AND event_time = ? AND event_id = ?"
_READS = (_OF_EVENTS, _SEEN_OF_EVENTS, _OF_ENTITY, _OF_ENTITY_AFTER, _DAYS, _FLAGGED, _FLAGGED_AFTER, _LATEST)
_WRITES = (_KEEP, _REMEMBER, _FLAG, _FLAG_DAY, _UNFLAG)


class _Seen(NamedTuple):
    """What a flag is made of."""

    revision: int
    event_time: int
    score: float | None
    action: str


class CassandraDecisions:
    """See `stores.decisions.Decisions`. A write is not one transaction: rows of ``decision`` come last, so that a write that failed
    half-way is done again whole, and readers never find an event of which something is missing.

    Args:
        place: the keyspace.
        owner: makes the tables, and writes; else for reading only.

    Raises:
        Refusal: no node answers, or the tables are of another version.
    """

    def __init__(self, place: Place, owner: bool = True) -> None:
        self._keyspace = Keyspace(place, MIGRATIONS, owner, (*_READS, *_WRITES))
        self._days: set[int] = set()
        if owner:
            for table in ("decision", "history", "flagged", "flagged_day"):
                self._keyspace.run(f"ALTER TABLE {table} WITH default_time_to_live = {place.kept_days * DAY_MS // 1000}")

    def write(self, decisions: list[StoredDecision]) -> int:
        known = self._seen({decision.event_id for decision in decisions})
        fresh: dict[tuple[str, int], StoredDecision] = {}
        for d in decisions:
            if all(seen.revision != d.revision for seen in known.get(d.event_id, ())):
                fresh.setdefault((d.event_id, d.revision), d)
        new = list(fresh.values())
        days = {d.event_time // DAY_MS for d in new if d.action != "approve"} - self._days
        dated = [self._keyspace.bound(_FLAG_DAY, day) for day in days]
        self._keyspace.write([*dated, *self._remembered(new), *self._flags(new, known)])
        self._days |= days
        self._keyspace.write(
            self._keyspace.bound(
                _KEEP, d.event_id, d.revision, d.event_time, d.order, _text_of(d.keys), d.score, d.action, d.release, d.value, d.retracted
            )
            for d in new
        )
        return len(new)

    def get(self, event_id: str) -> StoredDecision | None:
        return self.get_many([event_id]).get(event_id)

    def get_many(self, event_ids: list[str]) -> dict[str, StoredDecision]:
        found: dict[str, StoredDecision] = {}
        for row in self._of_events(_OF_EVENTS, event_ids):
            decision = _decision(row)
            if decision.event_id not in found or found[decision.event_id].revision < decision.revision:
                found[decision.event_id] = decision
        return found

    def latest(self, kind: str, id: str) -> LatestScore | None:
        """See `Decisions.latest`: the newest rows of one partition, as far as they are retracted."""
        return latest_of(self._keyspace.rows(_LATEST, kind, id, page=LATEST_ROWS))

    async def latest_soon(self, kind: str, id: str) -> LatestScore | None:
        """See `Decisions.latest_soon`: one request, unless all rows of its page are retracted; those behind them are read in a thread."""
        rows = await self._keyspace.first_page(_LATEST, kind, id, page=LATEST_ROWS)
        latest = latest_of(rows)
        if latest is None and len(rows) == LATEST_ROWS:
            return await asyncio.to_thread(self.latest, kind, id)
        return latest

    def flagged(self, actions: tuple[str, ...], since_ms: int, cursor: str | None, limit: int) -> Page:
        """See `Decisions.flagged`: the days are read side by side, each from the cursor on."""
        after = flagged_place(cursor) if cursor is not None else None
        days = [day for (day,) in self._keyspace.rows(_DAYS) if day >= since_ms // DAY_MS]
        merged = heapq.merge(*(self._flagged_on(day, after, limit) for day in days), reverse=True)
        wanted = (row for row in merged if row[1] >= since_ms and row[3] in actions)
        places = [FlaggedPlace(*row[:3]) for row in islice(wanted, limit + 1)]
        decisions = self.get_many([place.event_id for place in places[:limit]])
        shown = [decisions[place.event_id] for place in places[:limit] if place.event_id in decisions]
        return Page(shown, cursor_of(places[limit - 1]) if len(places) > limit else None)

    def of_entity(self, kind: str, id: str, before: str | None, limit: int) -> Page:
        """See `Decisions.of_entity`: a slice of one partition."""
        place = history_place(before) if before is not None else None
        query = _OF_ENTITY_AFTER if place else _OF_ENTITY
        start = (place.event_time, place.order, place.revision) if place else ()
        rows = list(self._keyspace.rows(query, kind, id, *start, limit + 1))
        stored = {(row[0], row[1]): row for row in self._of_events(_OF_EVENTS, list({row[0] for row in rows}))}
        shown = [_decision(stored[row[:2]]) for row in rows[:limit] if row[:2] in stored]
        _, revision, event_time, order = rows[limit - 1] if len(rows) > limit else ("", 0, 0, b"")
        return Page(shown, cursor_of(HistoryPlace(event_time, order, revision)) if len(rows) > limit else None)

    def close(self) -> None:
        self._keyspace.close()

    def _seen(self, event_ids: Iterable[str]) -> dict[str, list[_Seen]]:
        """Which revisions of these events are kept."""
        seen: dict[str, list[_Seen]] = {}
        for event_id, *rest in self._of_events(_SEEN_OF_EVENTS, list(event_ids)):
            seen.setdefault(event_id, []).append(_Seen(*rest))
        return seen

    def _of_events(self, query: str, event_ids: list[str]) -> Iterator[tuple[Any, ...]]:
        """All revisions of some events; an empty id is nobody's, and no key of a partition."""
        wanted = [event_id for event_id in event_ids if event_id]
        for first in range(0, len(wanted), IDS_AT_ONCE):
            yield from self._keyspace.rows(query, wanted[first : first + IDS_AT_ONCE])

    def _remembered(self, decisions: list[StoredDecision]) -> Iterator[BoundStatement]:
        for d in decisions:
            for kind, id in set(d.keys):
                yield self._keyspace.bound(
                    _REMEMBER, kind, id, d.event_time, d.order, d.revision, d.event_id, d.score, d.action, d.release, d.retracted
                )

    def _flags(self, decisions: list[StoredDecision], known: dict[str, list[_Seen]]) -> Iterator[BoundStatement]:
        """Each event stands with its highest revision, and not at all when that one approves."""
        seen = {d.event_id: list(known.get(d.event_id, ())) for d in decisions}
        for d in decisions:
            seen[d.event_id].append(_Seen(d.revision, d.event_time, d.score, d.action))
        for event_id, own in seen.items():
            highest = max(own)
            places = {_place_of(each, event_id) for each in own if each.action != "approve"}
            if highest.action != "approve":
                place = _place_of(highest, event_id)
                places.discard(place)
                yield self._keyspace.bound(_FLAG, *place, highest.action, highest.revision)
            for place in places if len(own) > 1 else ():
                yield self._keyspace.bound(_UNFLAG, *place)

    def _flagged_on(self, day: int, after: FlaggedPlace | None, limit: int) -> Iterator[tuple[Any, ...]]:
        start = (after.score, after.event_time, after.event_id) if after else ()
        return self._keyspace.rows(_FLAGGED_AFTER if after else _FLAGGED, day, *start, page=limit + 1)


def latest_of(rows: Iterable[tuple[Any, ...]]) -> LatestScore | None:
    """The first score of an event that is not retracted, of rows from the newest event on; a retraction stands before what it ends."""
    gone = set()
    for *score, retracted in rows:
        if retracted:
            gone.add(score[2])
        elif score[2] not in gone:
            return LatestScore(*score)
    return None


def _place_of(seen: _Seen, event_id: str) -> tuple[int, float, int, str]:
    return seen.event_time // DAY_MS, _NO_SCORE if seen.score is None else seen.score, seen.event_time, event_id


def _decision(row: tuple[Any, ...]) -> StoredDecision:
    event_id, revision, event_time, order, keys, score, action, release, value, retracted = row
    pairs = msgspec.json.decode(keys, type=tuple[tuple[str, str], ...])
    return StoredDecision(event_id, revision, event_time, order, pairs, score, action, release, value, retracted)


def _text_of(keys: tuple[tuple[str, str], ...]) -> str:
    return msgspec.json.encode(keys).decode()
