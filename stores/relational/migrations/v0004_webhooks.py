"""Webhooks, and messages on their way to them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From the effects of rules."""
    op.create_table(
        "webhook",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("wish", TEXT, nullable=False),
        sa.Column("keys", TEXT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("made_at_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhook"),
    )
    op.create_table(
        "message",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("full", sa.LargeBinary, nullable=False),
        sa.Column("thin", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_message"),
        sa.UniqueConstraint("id", name="uq_message_id"),
    )
    op.create_index("ix_message_at_ms", "message", ["at_ms"])
    op.create_table(
        "delivery",
        sa.Column("webhook", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("attempts_before", sa.Integer, nullable=False),
        sa.Column("due_at_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("webhook", "number", name="pk_delivery"),
    )
    op.create_index("ix_delivery_due", "delivery", ["webhook", "state", "due_at_ms"])
    op.create_index("ix_delivery_key", "delivery", ["webhook", "key", "state", "number"])
    op.create_index("ix_delivery_number", "delivery", ["number", "state"])
    op.create_table(
        "delivery_attempt",
        sa.Column("webhook", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("took_ms", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("fault", TEXT, nullable=False),
        sa.Column("excerpt", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("webhook", "number", "attempt", name="pk_delivery_attempt"),
    )
    op.create_index("ix_delivery_attempt_number", "delivery_attempt", ["number"])
    op.create_index("ix_delivery_attempt_at_ms", "delivery_attempt", ["webhook", "at_ms"])
