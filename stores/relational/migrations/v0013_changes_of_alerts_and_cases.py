"""When alerts and cases changed last, by which they are pulled."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """From deliveries by number."""
    for table in ("alert", "cases"):
        op.add_column(table, sa.Column("updated_at_ms", sa.BigInteger, nullable=False, server_default="0"))
        op.create_index(f"ix_{table}_updated_at_ms", table, ["updated_at_ms", "id"])
