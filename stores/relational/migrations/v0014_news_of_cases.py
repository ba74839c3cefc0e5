"""What receivers have yet to be told of cases."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From changes of alerts and cases."""
    op.create_table(
        "case_news",
        sa.Column("case_id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("case_id", "number", name="pk_case_news"),
    )
