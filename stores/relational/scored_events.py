"""A sample of scored events in the relational store, beside the effects of rules; see `stores.scored_events`."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Float, Index, Table, delete, func, select, update

from stores.relational.database import insert_into
from stores.relational.effect_tables import LABEL
from stores.relational.tables import METADATA, TEXT
from stores.scored_events import EVENTS_MAX, NUMBERS_MAX, GivenLabelOf, ScoredEvent, ScoredSample, kept

DAY_MS = 86_400_000
_SLACK = 1.25
"""A day is cut back to what is kept of it when it has so many times as much: a cut costs more than an event."""
SCORED = Table(
    "scored_event",
    METADATA,
    Column("event", TEXT, primary_key=True),
    Column("day_ms", BigInteger, nullable=False),
    Column("place", Float, nullable=False),
    Column("user", TEXT, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("release", BigInteger, nullable=False),
    Column("probability", Float),
    Column("scores", TEXT, nullable=False),
    Column("numbers", TEXT),
    Column("shares", TEXT),
    Index("ix_scored_event_day", "day_ms", "place"),
)
"""`scores`, `numbers` and `shares` are JSON objects."""
DAY = Table(
    "scored_day",
    METADATA,
    Column("day_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("share", Float, nullable=False),
    Column("numbers_share", Float, nullable=False),
)
_Numbers = dict[str, float | None]
_Shares = dict[str, dict[str, float]]


def read_sample(connection: Connection, from_ms: int, numbers: bool) -> ScoredSample:
    """Returns the events of the day of `from_ms` and later; with `numbers` those alone whose numbers are kept."""
    recent = SCORED.c.day_ms >= from_ms // DAY_MS * DAY_MS
    which = recent & SCORED.c.numbers.is_not(None) if numbers else recent
    columns = [SCORED.c[name] for name in ("event", "user", "at_ms", "place", "action", "release", "probability", "scores")]
    own = (
        select(*columns, *([SCORED.c.numbers, SCORED.c.shares] if numbers else []))
        .where(which)
        .order_by(SCORED.c.day_ms, SCORED.c.place, SCORED.c.event)
    )
    labels = select(LABEL).select_from(LABEL.join(SCORED, SCORED.c.event == LABEL.c.event)).where(which)
    days = select(DAY.c.day_ms, DAY.c.numbers_share if numbers else DAY.c.share).where(DAY.c.day_ms >= from_ms - DAY_MS)
    return ScoredSample(
        [_event_of(*row) for row in connection.execute(own)],
        [GivenLabelOf(row.event, row.source, row.label, row.label_time) for row in connection.execute(labels)],
        {row.day_ms: row[1] for row in connection.execute(days)},
    )


def sample(connection: Connection, events: Sequence[ScoredEvent]) -> None:
    """Adds events to the sample, each once, and cuts days back that have too many."""
    by_day: dict[int, list[ScoredEvent]] = defaultdict(list)
    for event in events:
        by_day[event.at_ms // DAY_MS * DAY_MS].append(event)
    for day_ms, own in by_day.items():
        row = connection.execute(select(DAY.c.share, DAY.c.numbers_share).where(DAY.c.day_ms == day_ms)).first()
        if row is None:
            connection.execute(DAY.insert().values(day_ms=day_ms, share=1.0, numbers_share=1.0))
        share, numbers_share = row or (1.0, 1.0)
        rows = [_row_of(event, day_ms, event.place < numbers_share) for event in kept(own, share)]
        if rows:
            connection.execute(insert_into(connection, SCORED).on_conflict_do_nothing(), rows)
            _cut(connection, day_ms)


def forget_before(connection: Connection, before_ms: int, rows_at_once: int) -> int:
    """Removes days before `before_ms`; returns how many events it removed, about `rows_at_once` at most."""
    oldest = connection.execute(select(func.min(SCORED.c.day_ms))).scalar()
    if oldest is None or oldest + DAY_MS > before_ms:
        return 0
    some = select(SCORED.c.event).where(SCORED.c.day_ms == oldest).limit(rows_at_once)
    removed = connection.execute(delete(SCORED).where(SCORED.c.event.in_(some))).rowcount
    connection.execute(delete(DAY).where(DAY.c.day_ms < oldest))
    return removed


def _cut(connection: Connection, day_ms: int) -> None:
    own = SCORED.c.day_ms == day_ms
    with_numbers = own & SCORED.c.numbers.is_not(None)
    for which, most, name in ((own, EVENTS_MAX, "share"), (with_numbers, NUMBERS_MAX, "numbers_share")):
        if connection.execute(select(func.count()).select_from(SCORED).where(which)).scalar_one() <= _SLACK * most:
            continue
        share = connection.execute(select(SCORED.c.place).where(which).order_by(SCORED.c.place).offset(most).limit(1)).scalar_one()
        beyond = which & (SCORED.c.place >= share)
        connection.execute(
            delete(SCORED).where(beyond) if name == "share" else update(SCORED).where(beyond).values(numbers=None, shares=None)
        )
        connection.execute(update(DAY).where(DAY.c.day_ms == day_ms).values({name: share}))


def _row_of(event: ScoredEvent, day_ms: int, numbers: bool) -> dict[str, object]:
    return {
        "event": event.event,
        "day_ms": day_ms,
        "place": event.place,
        "user": event.user,
        "at_ms": event.at_ms,
        "action": event.action,
        "release": event.release,
        "probability": event.probability,
        "scores": msgspec.json.encode(event.scores).decode(),
        "numbers": msgspec.json.encode(event.numbers).decode() if numbers else None,
        "shares": msgspec.json.encode(event.shares).decode() if numbers and event.shares else None,
    }


def _event_of(
    event: str,
    user: str,
    at_ms: int,
    place: float,
    action: str,
    release: int,
    probability: float | None,
    scores: str,
    numbers: str = "{}",
    shares: str | None = None,
) -> ScoredEvent:
    said, seen = msgspec.json.decode(scores, type=_Numbers), msgspec.json.decode(numbers, type=_Numbers)
    added = msgspec.json.decode(shares, type=_Shares) if shares else {}
    return ScoredEvent(event, user, at_ms, place, action, release, probability, said, seen, added)
