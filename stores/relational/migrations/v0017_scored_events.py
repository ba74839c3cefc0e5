"""A sample of scored events, by which models are compared and drift is measured."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "scored_event",
        sa.Column("event", TEXT, nullable=False),
        sa.Column("day_ms", sa.BigInteger, nullable=False),
        sa.Column("place", sa.Float, nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("release", sa.BigInteger, nullable=False),
        sa.Column("probability", sa.Float),
        sa.Column("scores", TEXT, nullable=False),
        sa.Column("numbers", TEXT),
        sa.PrimaryKeyConstraint("event", name="pk_scored_event"),
    )
    op.create_index("ix_scored_event_day", "scored_event", ["day_ms", "place"])
    op.create_table(
        "scored_day",
        sa.Column("day_ms", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("numbers_share", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("day_ms", name="pk_scored_day"),
    )
