"""An index of what waits for a webhook in the order of its numbers."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """From suppressions."""
    op.create_index("ix_delivery_state", "delivery", ["webhook", "state", "number"])
