"""What verdicts do, and what became of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From holds and notes."""
    op.create_table(
        "verdict_plan",
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("is_settled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("verdict", name="pk_verdict_plan"),
    )
    op.create_index(
        "ix_verdict_plan_verdict",
        "verdict_plan",
        ["verdict"],
        sqlite_where=sa.text("is_settled = 0"),
        postgresql_where=sa.text("NOT is_settled"),
    )
    op.create_table(
        "verdict_step",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("what", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("before", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_verdict_step"),
    )
    op.create_index("ix_verdict_step_verdict", "verdict_step", ["verdict", "number"])
    op.create_index("ix_verdict_step_state", "verdict_step", ["state", "due_ms"])
