"""An index of overlaps by the rule that they name second, so that all those of a rule are found without reading the others."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """From what verdicts say of rules and models."""
    op.create_index("ix_rule_overlap_other", "rule_overlap", ["other", "day_ms"])
