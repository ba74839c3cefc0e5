"""The tables of alerts: what fires, what counts in it, and who silences what."""

from sqlalchemy import BigInteger, Column, Float, Index, LargeBinary, Table, text

from stores.relational.offsets import offset_table
from stores.relational.tables import METADATA, TEXT

_IN_CASE = text("case_id <> ''")
OFFSET = offset_table("alert_offset")
ALERT = Table(
    "alert",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("opened_at_ms", BigInteger, nullable=False),
    Column("resolved_at_ms", BigInteger),
    Column("updated_at_ms", BigInteger, nullable=False, server_default="0"),
    Column("whole", LargeBinary, nullable=False),
    Index("ix_alert_updated_at_ms", "updated_at_ms", "id"),
    Index("ix_alert_state", "state", "opened_at_ms", "id"),
    Index("ix_alert_opened_at_ms", "opened_at_ms", "id"),
    Index("ix_alert_resolved_at_ms", "resolved_at_ms"),
)
GROUP = Table(
    "alert_group",
    METADATA,
    Column("kind", TEXT, primary_key=True),
    Column("value", TEXT, primary_key=True),
    Column("alert", TEXT, primary_key=True),
    Index("ix_alert_group_alert", "alert"),
)
EVENT = Table(
    "alert_event",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("alert", TEXT, nullable=False),
    Column("loss", Float(53), nullable=False),
    Column("user", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("event_time_ms", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False, server_default=text("0")),
    Column("action", TEXT, nullable=False, server_default=""),
    Column("score", Float(53)),
    Column("probability", Float(53)),
    Column("rules", TEXT, nullable=False, server_default=""),
    Column("model", TEXT, nullable=False, server_default=""),
    Column("case_id", TEXT, nullable=False, server_default=""),
    Index("ix_alert_event_alert", "alert", "key"),
    Index("ix_alert_event_case_id", "case_id", "event_time_ms", "key", "name", sqlite_where=_IN_CASE, postgresql_where=_IN_CASE),
)
"""`case_id` is moved with the alert, and never written with the event."""
SPAN = Table(
    "alert_span",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
    Column("told", BigInteger, nullable=False),
    Column("more", BigInteger, nullable=False),
)
SUPPRESSION = Table(
    "alert_suppression",
    METADATA,
    Column("pattern", TEXT, primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Column("silenced", BigInteger, nullable=False),
    Column("whole", LargeBinary, nullable=False),
    Index("ix_alert_suppression_until_ms", "until_ms"),
)
SILENCE = Table(
    "silence",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Column("whole", LargeBinary, nullable=False),
    Index("ix_silence_until_ms", "until_ms"),
)
