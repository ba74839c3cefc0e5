"""What drifts at present."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "drift",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("day_ms", sa.BigInteger, nullable=False),
        sa.Column("psi", sa.Float, nullable=False),
        sa.Column("psi_limit", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_drift"),
    )
    op.create_table(
        "drift_followed",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("day_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drift_followed"),
    )
