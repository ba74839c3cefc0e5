"""Jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From definitions, tokens and the audit log."""
    op.create_table(
        "job",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("parameters", TEXT, nullable=False),
        sa.Column("asked_by", TEXT, nullable=False),
        sa.Column("asked_at_ms", sa.BigInteger, nullable=False),
        sa.Column("caller_key", TEXT),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("lapses", sa.Integer, nullable=False),
        sa.Column("worker", TEXT, nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger),
        sa.Column("is_cancel_asked", sa.Boolean, nullable=False),
        sa.Column("progress_done", sa.BigInteger, nullable=False),
        sa.Column("progress_total", sa.BigInteger, nullable=False),
        sa.Column("progress_unit", TEXT, nullable=False),
        sa.Column("started_at_ms", sa.BigInteger),
        sa.Column("ended_at_ms", sa.BigInteger),
        sa.Column("result", TEXT),
        sa.Column("file_name", TEXT),
        sa.Column("file_bytes", sa.BigInteger),
        sa.Column("file_sha256", TEXT),
        sa.Column("problem", TEXT),
        sa.Column("expires_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("asked_by", "caller_key", name="uq_job_asked_by"),
    )
    op.create_index("ix_job_state", "job", ["state", "id"])
    op.create_index("ix_job_asked_by", "job", ["asked_by", "id"])
