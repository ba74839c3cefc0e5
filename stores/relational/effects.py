"""The effects of rules in the relational store: what follows from a batch of decisions is written in one transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update

from patterns.lifecycle.budget_window import BudgetWindow
from stores.effects import (
    DAY_MS,
    HOUR_MS,
    NOT_HIDDEN,
    Alert,
    Counted,
    CountedMatch,
    EntryState,
    HiddenCount,
    LabelledMatch,
    Total,
    Trip,
    WantedEntry,
    Work,
    effect_id,
)
from stores.relational.database import Database, in_parts, insert_into
from stores.relational.effect_tables import (
    ALERT,
    BUDGET,
    CLOCK,
    COUNT,
    DECIDED,
    ENTRY,
    HIDDEN,
    LABEL,
    MATCH,
    OFFSET,
    OVERLAP,
    TOTAL,
    TRIP,
)
from stores.relational.offsets import advance, positions_in
from stores.relational.scored_events import forget_before, read_sample, sample
from stores.scored_events import ScoredSample

TOTALS = ("acted", "watched", "hidden", "erred", "skipped", "alone")
_STANDING = ("wanted", "made", "covered")
Rows = Sequence[Mapping[str, object]]
Told = TypeVar("Told")
_OF_TRIP = [TRIP.c[name] for name in Trip.__struct_fields__]


class RelationalEffects:
    """See `stores.effects.Effects`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def positions(self) -> dict[str, int]:
        with self._database.reading() as connection:
            return positions_in(connection, OFFSET)

    def newest_ms(self) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(select(CLOCK.c.newest_ms)).scalar() or 0)

    def apply(self, work: Work, now_ms: int) -> bool:
        with self._database.writing() as connection:
            advance(connection, OFFSET, work.progress)
            _add(connection, DECIDED, [{"release": r, "hour_ms": h, "decided": n} for (r, h), n in work.decided.items()], "decided")
            new = _without_known(connection, work.matches)
            _count(connection, new, work.failures)
            _want(connection, work, now_ms)
            _label(connection, work)
            sample(connection, work.scored)
            _remember_newest(connection, work.newest_ms)
            return _spend(connection, new, now_ms)

    def alerts(self) -> list[Alert]:
        with self._database.reading() as connection:
            rows = connection.execute(select(ALERT.c.id, ALERT.c.key, ALERT.c.value).order_by(ALERT.c.at_ms, ALERT.c.id))
            return [Alert(id, key, bytes(value)) for id, key, value in rows]

    def alerts_sent(self, ids: Sequence[str]) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(ALERT).where(ALERT.c.id.in_(ids)))

    def open_entries(self, limit: int) -> list[WantedEntry]:
        return self._entries(ENTRY.c.state.in_(("wanted", "unwanted")), limit)

    def entries_of(self, list: str, value: str) -> list[WantedEntry]:
        return self._entries((ENTRY.c.list == list) & (ENTRY.c.value == value) & ENTRY.c.state.in_(_STANDING), None)

    def _entries(self, which: ColumnElement[bool], limit: int | None) -> list[WantedEntry]:
        columns = [ENTRY.c[name] for name in WantedEntry.__struct_fields__]
        with self._database.reading() as connection:
            rows = connection.execute(select(*columns).where(which).order_by(ENTRY.c.noted_ms, ENTRY.c.revision, ENTRY.c.id).limit(limit))
            return [WantedEntry(*row) for row in rows]

    def entries_done(self, states: Mapping[str, EntryState]) -> None:
        with self._database.writing() as connection:
            for state in dict.fromkeys(states.values()):
                ids = [id for id, each in states.items() if each == state]
                before = "unwanted" if state == "withdrawn" else "wanted"
                connection.execute(update(ENTRY).where(ENTRY.c.id.in_(ids), ENTRY.c.state == before).values(state=state))

    def take_trip(self, by: str, now_ms: int, lease_until_ms: int) -> Trip | None:
        is_free = TRIP.c.done_release.is_(None) & ((TRIP.c.taken_by == by) | (TRIP.c.lease_until_ms <= now_ms))
        with self._database.reading() as connection:
            if connection.execute(select(TRIP.c.id).where(is_free).limit(1)).first() is None:
                return None
        with self._database.writing() as connection:
            first = select(TRIP.c.id).where(is_free).order_by(TRIP.c.noted_ms, TRIP.c.id).limit(1).with_for_update(skip_locked=True)
            id = connection.execute(first).scalar()
            if id is None:
                return None
            connection.execute(update(TRIP).where(TRIP.c.id == id).values(taken_by=by, lease_until_ms=lease_until_ms))
            return Trip(*connection.execute(select(*_OF_TRIP).where(TRIP.c.id == id)).one())

    def close_trip(self, id: str, release: int, outcome: str) -> None:
        with self._database.writing() as connection:
            open_one = update(TRIP).where(TRIP.c.id == id, TRIP.c.done_release.is_(None)).values(done_release=release, outcome=outcome)
            if connection.execute(open_one).rowcount == 1:
                pattern = connection.execute(select(TRIP.c.pattern).where(TRIP.c.id == id)).scalar_one()
                values = {"tripped": False, "after_release": release}
                connection.execute(update(BUDGET).where(BUDGET.c.pattern == pattern).values(values))

    def trips(self, patterns: Collection[str], limit: int) -> dict[str, list[Trip]]:
        newest = func.row_number().over(partition_by=TRIP.c.pattern, order_by=(TRIP.c.noted_ms.desc(), TRIP.c.id)).label("newest")
        ranked = select(*_OF_TRIP, newest).where(TRIP.c.pattern.in_(patterns)).subquery()
        query = select(*(ranked.c[column.name] for column in _OF_TRIP)).where(ranked.c.newest <= limit)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(ranked.c.pattern, ranked.c.newest))
            return _by_rule((trip.pattern, trip) for trip in (Trip(*row) for row in rows))

    def counts(self, patterns: Collection[str], from_ms: int) -> dict[str, list[Counted]]:
        columns = [COUNT.c[name] for name in Counted.__struct_fields__]
        query = select(COUNT.c.pattern, *columns).where(COUNT.c.pattern.in_(patterns), COUNT.c.hour_ms >= from_ms).order_by(COUNT.c.hour_ms)
        with self._database.reading() as connection:
            return _by_rule((pattern, Counted(*row)) for pattern, *row in connection.execute(query).all())

    def decided(self, from_ms: int) -> dict[tuple[int, int], int]:
        query = select(DECIDED.c.release, DECIDED.c.hour_ms, DECIDED.c.decided).where(DECIDED.c.hour_ms >= from_ms)
        with self._database.reading() as connection:
            return {(release, hour_ms): decided for release, hour_ms, decided in connection.execute(query).all()}

    def overlaps(self, patterns: Collection[str], from_ms: int) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = defaultdict(dict)
        with self._database.reading() as connection:
            for own, other in ((OVERLAP.c.pattern, OVERLAP.c.other), (OVERLAP.c.other, OVERLAP.c.pattern)):
                query = select(own, other, func.sum(OVERLAP.c.both)).where(own.in_(patterns), OVERLAP.c.day_ms >= _day_of(from_ms))
                for pattern, matched, both in connection.execute(query.group_by(own, other)).all():
                    found[pattern][matched] = int(both)
        return dict(found)

    def labelled(self, patterns: Collection[str], from_ms: int) -> dict[str, list[LabelledMatch]]:
        columns = (MATCH.c.event, MATCH.c.release, MATCH.c.shadow, LABEL.c.source, LABEL.c.label, LABEL.c.label_time)
        joined = MATCH.join(LABEL, MATCH.c.event == LABEL.c.event)
        own = (MATCH.c.pattern.in_(patterns), MATCH.c.at_ms >= from_ms, MATCH.c.exception == NOT_HIDDEN)
        query = select(MATCH.c.pattern, *columns).select_from(joined).where(*own)
        with self._database.reading() as connection:
            return _by_rule((pattern, LabelledMatch(*row)) for pattern, *row in connection.execute(query).all())

    def entry_states(self, patterns: Collection[str]) -> dict[str, dict[str, int]]:
        columns = (ENTRY.c.pattern, ENTRY.c.state)
        query = select(*columns, func.count()).where(ENTRY.c.pattern.in_(patterns)).group_by(*columns)
        found: dict[str, dict[str, int]] = defaultdict(dict)
        with self._database.reading() as connection:
            for pattern, state, count in connection.execute(query):
                found[pattern][state] = int(count)
        return dict(found)

    def hidden(self, patterns: Collection[str] | None = None) -> list[HiddenCount]:
        columns = [HIDDEN.c[name] for name in HiddenCount.__struct_fields__]
        query = select(*columns).order_by(HIDDEN.c.hidden.desc(), HIDDEN.c.pattern, HIDDEN.c.exception)
        with self._database.reading() as connection:
            rows = connection.execute(query if patterns is None else query.where(HIDDEN.c.pattern.in_(patterns)))
            return [HiddenCount(*row) for row in rows]

    def totals(self, limit: int) -> list[Total]:
        query = select(TOTAL).order_by((TOTAL.c.acted + TOTAL.c.watched + TOTAL.c.hidden).desc(), TOTAL.c.pattern).limit(limit)
        with self._database.reading() as connection:
            return [Total(*row) for row in connection.execute(query)]

    def scored_sample(self, from_ms: int, numbers: bool = False) -> ScoredSample:
        with self._database.reading() as connection:
            return read_sample(connection, from_ms, numbers)

    def forget(self, before_ms: int, matches_max: int, rows_at_once: int) -> int:
        with self._database.writing() as connection:
            forgotten = forget_before(connection, before_ms, rows_at_once)
            return forgotten + sum(_forgotten(connection, before_ms, matches_max, rows_at_once))


def _without_known(connection: Connection, matches: Iterable[CountedMatch]) -> list[CountedMatch]:
    """Notes the matches that are not known yet, and returns them."""
    found = {(match.event, match.pattern): match for match in reversed(list(matches))}
    known: set[tuple[str, str]] = set()
    for events in in_parts(list(dict.fromkeys(event for event, _ in found))):
        known.update(map(tuple, connection.execute(select(MATCH.c.event, MATCH.c.pattern).where(MATCH.c.event.in_(events)))))
    new = [match for key, match in reversed(found.items()) if key not in known]
    names = [column.name for column in MATCH.columns]
    if new:
        connection.execute(insert(MATCH), [{name: getattr(match, name) for name in names} for match in new])
    return new


def _count(connection: Connection, new: Sequence[CountedMatch], failures: Mapping[str, tuple[int, int]]) -> None:
    counts: dict[tuple[object, ...], dict[str, int]] = defaultdict(lambda: {"matches": 0, "decided": 0, "alone": 0})
    said: dict[tuple[object, ...], dict[str, object]] = {}
    totals: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(TOTALS, 0))
    hidden: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for match in new:
        if match.exception != NOT_HIDDEN:
            hidden[match.pattern, match.version, match.exception].append(match.at_ms)
            totals[match.pattern]["hidden"] += 1
            continue
        key = (match.pattern, match.release, match.shadow, match.action, match.at_ms // HOUR_MS * HOUR_MS)
        for name, more in (("matches", True), ("decided", match.decided), ("alone", match.alone)):
            counts[key][name] += more
        said[key] = {"version": match.version, "asks": match.asks}
        totals[match.pattern]["watched" if match.shadow else "acted"] += 1
        totals[match.pattern]["alone"] += match.alone
    for pattern, (erred, skipped) in failures.items():
        totals[pattern].update(erred=erred, skipped=skipped)
    keys = ("pattern", "release", "shadow", "action", "hour_ms")
    rows = [dict(zip(keys, key, strict=True)) | said[key] | each for key, each in counts.items()]
    _add(connection, COUNT, rows, "matches", "decided", "alone")
    _add(connection, TOTAL, [{"pattern": pattern, **each} for pattern, each in totals.items()], *TOTALS)
    own = [
        dict(zip(("pattern", "version", "exception"), key, strict=True)) | {"hidden": len(t), "newest_ms": max(t)}
        for key, t in hidden.items()
    ]
    _add(connection, HIDDEN, own, "hidden", greatest="newest_ms")
    _count_overlaps(connection, new)


def _count_overlaps(connection: Connection, new: Sequence[CountedMatch]) -> None:
    of_events: dict[tuple[str, int], list[str]] = defaultdict(list)
    for match in new:
        if match.exception == NOT_HIDDEN:
            of_events[match.event, _day_of(match.at_ms)].append(match.pattern)
    both: dict[tuple[str, str, int], int] = defaultdict(int)
    for (_, day_ms), patterns in of_events.items():
        for one, other in combinations(sorted(patterns), 2):
            both[one, other, day_ms] += 1
    rows = [{"pattern": one, "other": other, "day_ms": day_ms, "both": count} for (one, other, day_ms), count in both.items()]
    _add(connection, OVERLAP, rows, "both")


def _want(connection: Connection, work: Work, now_ms: int) -> None:
    """Notes entries that are wanted, and those that are no longer because their event has another revision."""
    newest_ms = max(work.newest_ms, int(connection.execute(select(CLOCK.c.newest_ms)).scalar() or 0))
    rows = [msgspec.structs.asdict(entry) | {"noted_ms": now_ms} for entry in work.entries if (entry.expires or newest_ms + 1) > newest_ms]
    if rows:
        connection.execute(insert_into(connection, ENTRY).on_conflict_do_nothing(), rows)
    for event, revision in work.revised:
        lower = (ENTRY.c.event == event) & (ENTRY.c.revision < revision) & ENTRY.c.state.in_(_STANDING)
        connection.execute(update(ENTRY).where(lower).values(state="unwanted", noted_ms=now_ms))


def _label(connection: Connection, work: Work) -> None:
    newest: dict[tuple[str, str], dict[str, object]] = {}
    for label in sorted(work.labels, key=lambda label: (label.label_time, label.label)):
        newest[label.event, label.source] = msgspec.structs.asdict(label)
    if not newest:
        return
    statement = insert_into(connection, LABEL)
    values = {"label": statement.excluded.label, "label_time": statement.excluded.label_time}
    later = statement.excluded.label_time >= LABEL.c.label_time
    statement = statement.on_conflict_do_update(index_elements=[LABEL.c.event, LABEL.c.source], set_=values, where=later)
    connection.execute(statement, list(newest.values()))


def _remember_newest(connection: Connection, newest_ms: int) -> None:
    if newest_ms:
        _add(connection, CLOCK, [{"id": 1, "newest_ms": newest_ms}], greatest="newest_ms")


def _spend(connection: Connection, new: Sequence[CountedMatch], now_ms: int) -> bool:
    """Counts new matches that act for the budgets of their rules; returns whether one was exceeded."""
    spent: dict[str, list[CountedMatch]] = defaultdict(list)
    for match in new:
        if match.budget is not None and not match.shadow and match.exception == NOT_HIDDEN:
            spent[match.pattern].append(match)
    tripped = [trip for pattern, matches in spent.items() if (trip := _tripped_by(connection, pattern, matches)) is not None]
    for trip in tripped:
        own = {"noted_ms": now_ms, "taken_by": "", "lease_until_ms": 0}
        connection.execute(insert(TRIP).values(msgspec.structs.asdict(trip) | own))
        connection.execute(insert(ALERT).values(id=trip.id, key=trip.pattern, value=_alert_of(trip), at_ms=now_ms))
    return bool(tripped)


def _tripped_by(connection: Connection, pattern: str, matches: Sequence[CountedMatch]) -> Trip | None:
    row = connection.execute(select(BUDGET).where(BUDGET.c.pattern == pattern)).first()
    if row is not None and row.tripped:
        return None
    is_known = row is not None and row.version == matches[-1].version
    window = msgspec.json.decode(row.window, type=BudgetWindow) if row is not None and is_known else BudgetWindow(0)
    after = 0 if row is None else row.after_release
    trip = None
    for match in matches:
        assert match.budget is not None
        if match.release > after and match.version == matches[-1].version and window.spend(match.at_ms, match.newest_ms, match.budget):
            trip = _trip_of(match)
            window = BudgetWindow(0)
            break
    own = {"version": matches[-1].version, "window": msgspec.json.encode(window).decode(), "tripped": trip is not None}
    if row is None:
        connection.execute(insert(BUDGET).values(own | {"pattern": pattern, "after_release": 0}))
    else:
        connection.execute(update(BUDGET).where(BUDGET.c.pattern == pattern).values(own))
    return trip


def _trip_of(match: CountedMatch) -> Trip:
    assert match.budget is not None
    id = effect_id("budget", match.event, match.revision, match.pattern, match.version)
    budget = match.budget
    return Trip(id, match.pattern, match.version, match.release, budget.then, budget.matches, budget.per_ms, match.at_ms)


def _alert_of(trip: Trip) -> bytes:
    reason = f"the rule {trip.pattern} matched more than {trip.matches} times within {trip.per_ms / 1000:g} s, and becomes {trip.then}"
    said = {"type": "budget", "id": trip.id, "pattern": trip.pattern, "version": trip.version, "release": trip.release}
    return msgspec.json.encode(said | {"event_time": trip.event_time, "then": trip.then, "reason": reason})


def _by_rule(pairs: Iterable[tuple[str, Told]]) -> dict[str, list[Told]]:
    """What was told of each rule, in the order in which it was told."""
    found: dict[str, list[Told]] = defaultdict(list)
    for pattern, told in pairs:
        found[pattern].append(told)
    return dict(found)


def _add(connection: Connection, table: Table, rows: Rows, *sums: str, greatest: str = "") -> None:
    """Adds rows, or the `sums` of those that are there already; of `greatest` the greatest value stays."""
    if not rows:
        return
    statement = insert_into(connection, table)
    values = {name: table.c[name] + statement.excluded[name] for name in sums}
    if greatest:
        most = func.max if connection.dialect.name == "sqlite" else func.greatest
        values[greatest] = most(table.c[greatest], statement.excluded[greatest])
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=values), rows)


def _forgotten(connection: Connection, before_ms: int, matches_max: int, rows_at_once: int) -> Iterator[int]:
    old = (
        (MATCH, MATCH.c.at_ms < before_ms),
        (COUNT, COUNT.c.hour_ms < before_ms),
        (DECIDED, DECIDED.c.hour_ms < before_ms),
        (OVERLAP, OVERLAP.c.day_ms < before_ms),
        (LABEL, LABEL.c.label_time < before_ms),
        (ENTRY, (ENTRY.c.expires < before_ms) & ENTRY.c.state.not_in(("wanted", "unwanted"))),
        (TRIP, (TRIP.c.event_time < before_ms) & TRIP.c.done_release.is_not(None)),
    )
    for table, which in old:
        yield _removed(connection, table, which, rows_at_once)
    beyond = int(connection.execute(select(func.count()).select_from(MATCH)).scalar_one()) - matches_max
    if beyond > 0:
        most = select(MATCH.c.pattern).group_by(MATCH.c.pattern).order_by(func.count().desc(), MATCH.c.pattern).limit(1)
        pattern = connection.execute(most).scalar_one()
        yield _removed(connection, MATCH, MATCH.c.pattern == pattern, min(beyond, rows_at_once), MATCH.c.at_ms)


def _removed(connection: Connection, table: Table, which: ColumnElement[bool], limit: int, order: ColumnElement[Any] | None = None) -> int:
    keys = list(table.primary_key.columns)
    rows = connection.execute(select(*keys).where(which).order_by(*(keys if order is None else (order, *keys))).limit(limit)).all()
    for row in rows:
        own = [column == value for column, value in zip(keys, row, strict=True)]
        connection.execute(delete(table).where(*own))
    return len(rows)


def _day_of(at_ms: int) -> int:
    return at_ms // DAY_MS * DAY_MS
