"""Cases, the alerts and events in them, what was done about them, verdicts, and inboxes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From leases. What was counted before has no score, and belongs to no case."""
    for column in (
        sa.Column("at_ms", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("action", TEXT, nullable=False, server_default=""),
        sa.Column("score", sa.Float(53)),
        sa.Column("probability", sa.Float(53)),
        sa.Column("rules", TEXT, nullable=False, server_default=""),
        sa.Column("case_id", TEXT, nullable=False, server_default=""),
    ):
        op.add_column("alert_event", column)
    in_case = sa.text("case_id <> ''")
    op.create_index(
        "ix_alert_event_case_id", "alert_event", ["case_id", "event_time_ms", "key", "name"], sqlite_where=in_case, postgresql_where=in_case
    )
    _cases()
    _what_is_in_cases()
    _verdicts()
    op.create_table(
        "inbox",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_inbox"),
    )


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("entity_kind", TEXT, nullable=False),
        sa.Column("entity_id", TEXT, nullable=False),
        sa.Column("typology", TEXT, nullable=False),
        sa.Column("inbox", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("is_closed", sa.Boolean, nullable=False),
        sa.Column("free_at_ms", sa.BigInteger, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("assigned_to", TEXT, nullable=False),
        sa.Column("priority", sa.Float(53), nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger, nullable=False),
        sa.Column("decided_at_ms", sa.BigInteger),
        sa.Column("closed_at_ms", sa.BigInteger),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_index(
        "ix_cases_one_open",
        "cases",
        ["entity_kind", "entity_id", "typology"],
        unique=True,
        sqlite_where=sa.text("is_closed = 0"),
        postgresql_where=sa.text("NOT is_closed"),
    )
    op.create_index("ix_cases_entity_kind", "cases", ["entity_kind", "entity_id", "opened_at_ms"])
    op.create_index("ix_cases_priority", "cases", ["is_closed", "priority", "id"])
    op.create_index("ix_cases_inbox", "cases", ["inbox", "is_closed", "priority", "id"])
    op.create_index("ix_cases_opened_at_ms", "cases", ["opened_at_ms", "id"])
    op.create_index("ix_cases_decided_at_ms", "cases", ["decided_at_ms", "inbox"])
    op.create_index("ix_cases_closed_at_ms", "cases", ["closed_at_ms"])


def _what_is_in_cases() -> None:
    op.create_table(
        "case_alert",
        sa.Column("alert", TEXT, nullable=False),
        sa.Column("case_id", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("alert", name="pk_case_alert"),
    )
    op.create_index("ix_case_alert_case_id", "case_alert", ["case_id", "at_ms", "alert"])
    op.create_table(
        "case_entity",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("case_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "case_id", name="pk_case_entity"),
    )
    op.create_index("ix_case_entity_case_id", "case_entity", ["case_id"])
    op.create_table(
        "case_entry",
        sa.Column("case_id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("what", TEXT, nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("whole", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("case_id", "number", name="pk_case_entry"),
    )
    op.create_index("ix_case_entry_case_id", "case_entry", ["case_id", "at_ms", "number"])
    op.create_table(
        "case_ended_alert",
        sa.Column("alert", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("alert", name="pk_case_ended_alert"),
    )


def _verdicts() -> None:
    op.create_table(
        "verdict",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("case_id", TEXT, nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("entity_kind", TEXT, nullable=False),
        sa.Column("entity_id", TEXT, nullable=False),
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("inputs", TEXT, nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("effective_at_ms", sa.BigInteger, nullable=False),
        sa.Column("undone_ms", sa.BigInteger),
        sa.Column("carried_out_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_verdict"),
    )
    op.create_index("ix_verdict_case_id", "verdict", ["case_id", "id"])
    op.create_index("ix_verdict_entity_kind", "verdict", ["entity_kind", "entity_id", "id"])
    waits = sa.text("carried_out_ms IS NULL AND undone_ms IS NULL")
    op.create_index("ix_verdict_effective_at_ms", "verdict", ["effective_at_ms", "id"], sqlite_where=waits, postgresql_where=waits)
