"""Which model made the decision on an event of an alert, since when a verdict is final, and an index of notes by time."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From news of cases."""
    op.add_column("alert_event", sa.Column("model", TEXT, nullable=False, server_default=""))
    op.add_column("verdict", sa.Column("final_ms", sa.BigInteger))
    op.create_index("ix_note_at_ms", "note", ["at_ms"])
