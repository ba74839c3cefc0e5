"""Sessions of the console, and what signs a caller in once."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From models of events, final verdicts and times of notes."""
    op.create_table(
        "console_session",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("earlier_hash", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("roles", TEXT, nullable=False),
        sa.Column("token_hash", TEXT, nullable=False),
        sa.Column("began_at_ms", sa.BigInteger, nullable=False),
        sa.Column("rotated_at_ms", sa.BigInteger, nullable=False),
        sa.Column("used_at_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_console_session"),
    )
    op.create_index("ix_console_session_hash", "console_session", ["hash"], unique=True)
    op.create_index("ix_console_session_earlier_hash", "console_session", ["earlier_hash"])
    op.create_index("ix_console_session_name", "console_session", ["name", "began_at_ms"])
    op.create_index("ix_console_session_expires_at_ms", "console_session", ["expires_at_ms"])
    op.create_table(
        "sign_in_ticket",
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_sign_in_ticket"),
    )
    op.create_index("ix_sign_in_ticket_expires_at_ms", "sign_in_ticket", ["expires_at_ms"])
