"""Alerts, what counts in them, and silences."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From webhooks."""
    op.create_table(
        "alert_offset",
        sa.Column("place", TEXT, nullable=False),
        sa.Column("next", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place", name="pk_alert_offset"),
    )
    op.create_table(
        "alert",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger, nullable=False),
        sa.Column("resolved_at_ms", sa.BigInteger),
        sa.Column("whole", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
    )
    op.create_index("ix_alert_state", "alert", ["state", "opened_at_ms", "id"])
    op.create_index("ix_alert_opened_at_ms", "alert", ["opened_at_ms", "id"])
    op.create_index("ix_alert_resolved_at_ms", "alert", ["resolved_at_ms"])
    op.create_table(
        "alert_group",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("alert", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "alert", name="pk_alert_group"),
    )
    op.create_index("ix_alert_group_alert", "alert_group", ["alert"])
    op.create_table(
        "alert_event",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("alert", TEXT, nullable=False),
        sa.Column("loss", sa.Float(53), nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("event_time_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", "key", name="pk_alert_event"),
    )
    op.create_index("ix_alert_event_alert", "alert_event", ["alert", "key"])
    op.create_table(
        "alert_span",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("told", sa.BigInteger, nullable=False),
        sa.Column("more", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_alert_span"),
    )
    op.create_table(
        "silence",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silence"),
    )
    op.create_index("ix_silence_until_ms", "silence", ["until_ms"])
