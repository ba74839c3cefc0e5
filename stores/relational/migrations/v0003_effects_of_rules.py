"""The effects of rules."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From jobs."""
    op.create_table(
        "effect_offset",
        sa.Column("place", TEXT, nullable=False),
        sa.Column("next", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place", name="pk_effect_offset"),
    )
    op.create_table(
        "effect_clock",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("newest_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_effect_clock"),
    )
    op.create_table(
        "effect_alert",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_effect_alert"),
    )
    op.create_table(
        "rule_match",
        sa.Column("event", TEXT, nullable=False),
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("release", sa.BigInteger, nullable=False),
        sa.Column("shadow", sa.Boolean, nullable=False),
        sa.Column("asks", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("exception", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("event", "pattern", name="pk_rule_match"),
    )
    op.create_index("ix_rule_match_at_ms", "rule_match", ["at_ms"])
    op.create_index("ix_rule_match_pattern", "rule_match", ["pattern", "at_ms"])
    op.create_table(
        "rule_count",
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("release", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("shadow", sa.Boolean, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("hour_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("asks", TEXT, nullable=False),
        sa.Column("matches", sa.BigInteger, nullable=False),
        sa.Column("decided", sa.BigInteger, nullable=False),
        sa.Column("alone", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("pattern", "release", "shadow", "action", "hour_ms", name="pk_rule_count"),
    )
    op.create_index("ix_rule_count_hour_ms", "rule_count", ["hour_ms"])
    op.create_table(
        "rule_decided",
        sa.Column("release", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("hour_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("decided", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("release", "hour_ms", name="pk_rule_decided"),
    )
    op.create_table(
        "rule_total",
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("acted", sa.BigInteger, nullable=False),
        sa.Column("watched", sa.BigInteger, nullable=False),
        sa.Column("hidden", sa.BigInteger, nullable=False),
        sa.Column("erred", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("pattern", name="pk_rule_total"),
    )
    op.create_table(
        "rule_overlap",
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("other", TEXT, nullable=False),
        sa.Column("day_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("both", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("pattern", "other", "day_ms", name="pk_rule_overlap"),
    )
    op.create_index("ix_rule_overlap_day_ms", "rule_overlap", ["day_ms"])
    op.create_table(
        "rule_hidden",
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("exception", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("hidden", sa.BigInteger, nullable=False),
        sa.Column("newest_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("pattern", "version", "exception", name="pk_rule_hidden"),
    )
    op.create_table(
        "rule_entry",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("list", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("noted_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule_entry"),
    )
    op.create_index("ix_rule_entry_event", "rule_entry", ["event"])
    op.create_index("ix_rule_entry_expires", "rule_entry", ["expires"])
    op.create_index("ix_rule_entry_list", "rule_entry", ["list", "value"])
    op.create_index("ix_rule_entry_pattern", "rule_entry", ["pattern"])
    op.create_index("ix_rule_entry_state", "rule_entry", ["state", "noted_ms"])
    op.create_table(
        "rule_label",
        sa.Column("event", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("label", sa.Integer, nullable=False),
        sa.Column("label_time", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("event", "source", name="pk_rule_label"),
    )
    op.create_index("ix_rule_label_label_time", "rule_label", ["label_time"])
    op.create_table(
        "rule_budget",
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("window", TEXT, nullable=False),
        sa.Column("after_release", sa.BigInteger, nullable=False),
        sa.Column("tripped", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("pattern", name="pk_rule_budget"),
    )
    op.create_table(
        "rule_trip",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("release", sa.BigInteger, nullable=False),
        sa.Column("then", TEXT, nullable=False),
        sa.Column("matches", sa.BigInteger, nullable=False),
        sa.Column("per_ms", sa.BigInteger, nullable=False),
        sa.Column("event_time", sa.BigInteger, nullable=False),
        sa.Column("noted_ms", sa.BigInteger, nullable=False),
        sa.Column("taken_by", TEXT, nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger, nullable=False),
        sa.Column("done_release", sa.BigInteger),
        sa.Column("outcome", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule_trip"),
    )
    op.create_index("ix_rule_trip_pattern", "rule_trip", ["pattern", "noted_ms"])
    op.create_table(
        "rule_snooze",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("fields", TEXT, nullable=False),
        sa.Column("comment", TEXT, nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("lifted_by", TEXT, nullable=False),
        sa.Column("lifted_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_rule_snooze"),
    )
    op.create_index("ix_rule_snooze_pattern", "rule_snooze", ["pattern", "until_ms"])
