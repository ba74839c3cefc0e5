"""Writes rules, and what the effects job would have counted of them, for the benchmarks of what is measured of rules."""

from collections.abc import Sequence

from sqlalchemy import insert

from stores.effects import DAY_MS, HOUR_MS
from stores.relational.database import Database, in_parts
from stores.relational.effect_tables import CLOCK, COUNT, DECIDED, LABEL, MATCH, OVERLAP, TOTAL

HOURS, DAYS, OTHERS, MATCHES = 100, 10, 10, 100


def texts_of(count: int) -> dict[str, str]:
    """So many rules that only watch, by id."""
    return {
        f"rule_{number:04}": f"title: An amount beyond {number}\nowner: team-{number % 7}\nseverity: high\nstatus: shadow\n"
        f"when: event.amount > {number}.0\nthen: {{action: review}}\n"
        for number in range(10, 10 + count)
    }


def count_matches(database: Database, ids: Sequence[str], release: int, now_ms: int) -> None:
    """Says that each rule matched in `HOURS` hours, and often with `OTHERS` others; `MATCHES` of its matches have a label.

    Args:
        release: one in which all of them are watched.
    """
    hour_ms, day_ms = now_ms // HOUR_MS * HOUR_MS, now_ms // DAY_MS * DAY_MS
    same = {"release": release, "shadow": True, "version": "v1"}
    asks = {"asks": "review", "action": "approve"}
    counts = [
        same | asks | {"pattern": id, "hour_ms": hour_ms - hour * HOUR_MS, "matches": 3, "decided": 0, "alone": 1}
        for id in ids for hour in range(HOURS)
    ]  # fmt: skip
    pairs = {tuple(sorted((id, ids[(at + step) % len(ids)]))) for at, id in enumerate(ids) for step in range(1, OTHERS)}
    overlaps = [
        {"pattern": one, "other": other, "day_ms": day_ms - day * DAY_MS, "both": 1 + day}
        for one, other in sorted(pairs) if one != other for day in range(DAYS)
    ]  # fmt: skip
    decision = {"user": "u", "event_id": "1", "revision": 0, "exception": -1}
    matches = [
        same | asks | decision | {"event": f"e{number}", "pattern": id, "at_ms": now_ms - number} for id in ids for number in range(MATCHES)
    ]
    rows = {
        CLOCK: [{"id": 1, "newest_ms": now_ms}],
        DECIDED: [{"release": release, "hour_ms": hour_ms - hour * HOUR_MS, "decided": 1_000} for hour in range(HOURS)],
        COUNT: counts,
        OVERLAP: overlaps,
        MATCH: matches,
        LABEL: [{"event": f"e{number}", "source": "analyst", "label": number % 2, "label_time": now_ms} for number in range(MATCHES)],
        TOTAL: [{"pattern": id, "acted": 0, "watched": 3 * HOURS, "hidden": 0, "erred": 0, "skipped": 0, "alone": HOURS} for id in ids],
    }
    with database.writing() as connection:
        for table, own in rows.items():
            connection.execute(table.delete())
            for part in in_parts(own):
                connection.execute(insert(table), part)
