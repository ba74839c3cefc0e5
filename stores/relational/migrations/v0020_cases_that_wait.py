"""An index of what inboxes are asked about the cases that wait in them, so that no case is read for it."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """From shares of scored events."""
    op.create_index("ix_cases_waiting", "cases", ["is_closed", "inbox", "free_at_ms", "opened_at_ms"])
