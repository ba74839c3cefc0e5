"""What inputs added to the scores of sampled events."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Adds a column, which is empty for events from before."""
    op.add_column("scored_event", sa.Column("shares", TEXT))
