"""How many of all matches of a rule were where no other rule that acts matched, beside its other totals."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """From overlaps of either rule: what was forgotten of the hours before cannot be told, and counts as not alone."""
    op.add_column("rule_total", sa.Column("alone", sa.BigInteger, nullable=False, server_default="0"))
    counted = "SELECT COALESCE(SUM(alone), 0) FROM rule_count WHERE rule_count.pattern = rule_total.pattern"
    op.execute(f"UPDATE rule_total SET alone = ({counted})")  # noqa: S608 - of this file alone
