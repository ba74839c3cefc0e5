"""Holds of payments, and notes on entities."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From cases."""
    op.create_table(
        "hold",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("event_time_ms", sa.BigInteger, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("held_at_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("then", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger),
        sa.Column("ended_by", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hold"),
    )
    op.create_index("ix_hold_event", "hold", ["event", "revision"])
    op.create_index("ix_hold_state", "hold", ["state", "until_ms"])
    op.create_index("ix_hold_held_at_ms", "hold", ["held_at_ms", "id"])
    op.create_index("ix_hold_user", "hold", ["user", "held_at_ms", "id"])
    op.create_index("ix_hold_ended_at_ms", "hold", ["ended_at_ms"])
    op.create_table(
        "note",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("entity", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("written_by", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_note"),
    )
    op.create_index("ix_note_entity", "note", ["kind", "entity", "id"])
