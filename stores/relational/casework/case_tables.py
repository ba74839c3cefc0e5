"""The tables of cases: what is in them, and what was done about them."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, LargeBinary, Table, text

from stores.relational.tables import METADATA, TEXT

CASE = Table(
    "cases",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("entity_kind", TEXT, nullable=False),
    Column("entity_id", TEXT, nullable=False),
    Column("typology", TEXT, nullable=False),
    Column("inbox", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("is_closed", Boolean, nullable=False),
    Column("free_at_ms", BigInteger, nullable=False),
    Column("holder", TEXT, nullable=False),
    Column("assigned_to", TEXT, nullable=False),
    Column("priority", Float(53), nullable=False),
    Column("opened_at_ms", BigInteger, nullable=False),
    Column("decided_at_ms", BigInteger),
    Column("closed_at_ms", BigInteger),
    Column("version", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False, server_default="0"),
    Column("whole", LargeBinary, nullable=False),
    Index("ix_cases_updated_at_ms", "updated_at_ms", "id"),
    Index(
        "ix_cases_one_open",
        "entity_kind",
        "entity_id",
        "typology",
        unique=True,
        sqlite_where=text("is_closed = 0"),
        postgresql_where=text("NOT is_closed"),
    ),
    Index("ix_cases_entity_kind", "entity_kind", "entity_id", "opened_at_ms"),
    Index("ix_cases_priority", "is_closed", "priority", "id"),
    Index("ix_cases_inbox", "inbox", "is_closed", "priority", "id"),
    Index("ix_cases_waiting", "is_closed", "inbox", "free_at_ms", "opened_at_ms"),
    Index("ix_cases_opened_at_ms", "opened_at_ms", "id"),
    Index("ix_cases_decided_at_ms", "decided_at_ms", "inbox"),
    Index("ix_cases_closed_at_ms", "closed_at_ms"),
)
"""`free_at_ms` is when the case can be claimed: when its claim or its snooze ends, 0 for one that is open."""
CASE_ALERT = Table(
    "case_alert",
    METADATA,
    Column("alert", TEXT, primary_key=True),
    Column("case_id", TEXT, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_case_alert_case_id", "case_id", "at_ms", "alert"),
)
"""An alert that was detached has an empty `case_id`, so that it opens no other case."""
CASE_ENTITY = Table(
    "case_entity",
    METADATA,
    Column("kind", TEXT, primary_key=True),
    Column("value", TEXT, primary_key=True),
    Column("case_id", TEXT, primary_key=True),
    Index("ix_case_entity_case_id", "case_id"),
)
CASE_ENTRY = Table(
    "case_entry",
    METADATA,
    Column("case_id", TEXT, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("what", TEXT, nullable=False),
    Column("by", TEXT, nullable=False),
    Column("whole", LargeBinary, nullable=False),
    Index("ix_case_entry_case_id", "case_id", "at_ms", "number"),
)
CASE_ENDED_ALERT = Table("case_ended_alert", METADATA, Column("alert", TEXT, primary_key=True), Column("why", TEXT, nullable=False))
"""Alerts of closed cases that the alerts job has yet to resolve."""
CASE_REVIEW = Table(
    "case_review",
    METADATA,
    Column("case_id", TEXT, primary_key=True),
    Column("kind", TEXT, primary_key=True),
    Column("name", TEXT, primary_key=True),
    Column("verdict", TEXT, nullable=False),
    Column("alerts", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("told", BigInteger, nullable=False),
    Column("probability", Float(53), nullable=False),
    sqlite_with_rowid=False,
)
"""What the verdict on a case says of its rules and models, see `stores.relational.casework.reviews`."""
CASE_NEWS = Table("case_news", METADATA, Column("case_id", TEXT, primary_key=True), Column("number", BigInteger, primary_key=True))
"""Entries of which receivers have yet to be told."""
INBOX = Table(
    "inbox",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("whole", LargeBinary, nullable=False),
)
