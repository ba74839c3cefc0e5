"""What silences the alerts of rules, and how many it silenced."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "alert_suppression",
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("silenced", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("pattern", "key", name="pk_alert_suppression"),
    )
    op.create_index("ix_alert_suppression_until_ms", "alert_suppression", ["until_ms"])
