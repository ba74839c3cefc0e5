"""The tables of the effects of rules."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table

from stores.relational.offsets import offset_table
from stores.relational.tables import METADATA, TEXT

OFFSET = offset_table("effect_offset")
CLOCK = Table(
    "effect_clock",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("newest_ms", BigInteger, nullable=False),
)
"""One row: the greatest event time that was decided."""
ALERT = Table(
    "effect_alert",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("key", TEXT, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
MATCH = Table(
    "rule_match",
    METADATA,
    Column("event", TEXT, primary_key=True),
    Column("pattern", TEXT, primary_key=True),
    Column("user", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("release", BigInteger, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("asks", TEXT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("exception", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_rule_match_pattern", "pattern", "at_ms"),
    Index("ix_rule_match_at_ms", "at_ms"),
)
COUNT = Table(
    "rule_count",
    METADATA,
    Column("pattern", TEXT, primary_key=True),
    Column("release", BigInteger, primary_key=True, autoincrement=False),
    Column("shadow", Boolean, primary_key=True),
    Column("action", TEXT, primary_key=True),
    Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("version", TEXT, nullable=False),
    Column("asks", TEXT, nullable=False),
    Column("matches", BigInteger, nullable=False),
    Column("decided", BigInteger, nullable=False),
    Column("alone", BigInteger, nullable=False),
    Index("ix_rule_count_hour_ms", "hour_ms"),
)
DECIDED = Table(
    "rule_decided",
    METADATA,
    Column("release", BigInteger, primary_key=True, autoincrement=False),
    Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("decided", BigInteger, nullable=False),
)
TOTAL = Table(
    "rule_total",
    METADATA,
    Column("pattern", TEXT, primary_key=True),
    Column("acted", BigInteger, nullable=False),
    Column("watched", BigInteger, nullable=False),
    Column("hidden", BigInteger, nullable=False),
    Column("erred", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("alone", BigInteger, nullable=False),
)
OVERLAP = Table(
    "rule_overlap",
    METADATA,
    Column("pattern", TEXT, primary_key=True),
    Column("other", TEXT, primary_key=True),
    Column("day_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("both", BigInteger, nullable=False),
    Index("ix_rule_overlap_day_ms", "day_ms"),
    Index("ix_rule_overlap_other", "other", "day_ms"),
)
HIDDEN = Table(
    "rule_hidden",
    METADATA,
    Column("pattern", TEXT, primary_key=True),
    Column("version", TEXT, primary_key=True),
    Column("exception", Integer, primary_key=True, autoincrement=False),
    Column("hidden", BigInteger, nullable=False),
    Column("newest_ms", BigInteger, nullable=False),
)
ENTRY = Table(
    "rule_entry",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("event", TEXT, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("list", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    Column("expires", BigInteger),
    Column("reason", TEXT, nullable=False),
    Column("pattern", TEXT, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("noted_ms", BigInteger, nullable=False),
    Index("ix_rule_entry_state", "state", "noted_ms"),
    Index("ix_rule_entry_event", "event"),
    Index("ix_rule_entry_list", "list", "value"),
    Index("ix_rule_entry_pattern", "pattern"),
    Index("ix_rule_entry_expires", "expires"),
)
LABEL = Table(
    "rule_label",
    METADATA,
    Column("event", TEXT, primary_key=True),
    Column("source", TEXT, primary_key=True),
    Column("label", Integer, nullable=False),
    Column("label_time", BigInteger, nullable=False),
    Index("ix_rule_label_label_time", "label_time"),
)
BUDGET = Table(
    "rule_budget",
    METADATA,
    Column("pattern", TEXT, primary_key=True),
    Column("version", TEXT, nullable=False),
    Column("window", TEXT, nullable=False),
    Column("after_release", BigInteger, nullable=False),
    Column("tripped", Boolean, nullable=False),
)
TRIP = Table(
    "rule_trip",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("pattern", TEXT, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("release", BigInteger, nullable=False),
    Column("then", TEXT, nullable=False),
    Column("matches", BigInteger, nullable=False),
    Column("per_ms", BigInteger, nullable=False),
    Column("event_time", BigInteger, nullable=False),
    Column("noted_ms", BigInteger, nullable=False),
    Column("taken_by", TEXT, nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("done_release", BigInteger),
    Column("outcome", TEXT, nullable=False),
    Index("ix_rule_trip_pattern", "pattern", "noted_ms"),
)
SNOOZE = Table(
    "rule_snooze",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("pattern", TEXT, nullable=False),
    Column("fields", TEXT, nullable=False),
    Column("comment", TEXT, nullable=False),
    Column("made_by", TEXT, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("lifted_by", TEXT, nullable=False),
    Column("lifted_at_ms", BigInteger),
    Index("ix_rule_snooze_pattern", "pattern", "until_ms"),
)
"""`fields` is a JSON object: alerts whose events have these values are silenced; an empty one means all of the rule."""
