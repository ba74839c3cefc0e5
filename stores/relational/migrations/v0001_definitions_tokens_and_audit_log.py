"""Definitions, releases, API tokens and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From a database without tables."""
    op.create_table(
        "definition",
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_definition"),
    )
    op.create_table(
        "definition_of_part",
        sa.Column("part", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("put_by", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("part", "hash", name="pk_definition_of_part"),
        sa.ForeignKeyConstraint(["hash"], ["definition.hash"], name="fk_definition_of_part_hash"),
    )
    op.create_table(
        "release",
        sa.Column("id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("parts", TEXT, nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("published", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_release"),
    )
    op.create_table(
        "api_token",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("roles", TEXT, nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("made_at_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger),
        sa.Column("revoked_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("name", name="pk_api_token"),
        sa.UniqueConstraint("hash", name="uq_api_token_hash"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("previous", TEXT, nullable=False),
        sa.Column("said", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_entry"),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        sa.CheckConstraint("id = 1", name="ck_audit_head_one_row"),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": "0" * 64}])
    op.create_table(
        "carried_over",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("what", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_carried_over"),
    )
