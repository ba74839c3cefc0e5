"""What the verdict on each case says of rules and models, counted when it was given."""

import json
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From cases that wait: verdicts that stand are counted by what is in their cases now."""
    table = op.create_table(
        "case_review",
        sa.Column("case_id", TEXT, primary_key=True),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("alerts", sa.BigInteger, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("told", sa.BigInteger, nullable=False),
        sa.Column("probability", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )
    bind = op.get_bind()
    for id in bind.execute(sa.text("SELECT id FROM cases WHERE decided_at_ms IS NOT NULL")).scalars().all():
        rows = [*_of_rules(bind, id), *_of_models(bind, id)]
        if rows:
            verdict = json.loads(bind.execute(sa.text("SELECT whole FROM cases WHERE id = :id"), {"id": id}).scalar_one())["verdict"]
            bind.execute(sa.insert(table), [{"case_id": id, "verdict": verdict} | row for row in rows])


def _of_rules(bind: sa.Connection, id: str) -> list[dict[str, object]]:
    alerts = bind.execute(sa.text("SELECT whole FROM alert JOIN case_alert ON alert = id WHERE case_id = :id"), {"id": id}).scalars()
    counted = Counter(rule for whole in alerts for rule in json.loads(whole)["patterns"])
    nothing: dict[str, object] = {"events": 0, "told": 0, "probability": 0.0}
    return [{"kind": "rule", "name": rule, "alerts": count} | nothing for rule, count in counted.items()]


def _of_models(bind: sa.Connection, id: str) -> list[dict[str, object]]:
    counted = (
        "SELECT model AS name, COUNT(DISTINCT alert) AS alerts, COUNT(*) AS events, COUNT(probability) AS told,"
        " COALESCE(SUM(probability), 0.0) AS probability"
        " FROM alert_event WHERE case_id = :id AND case_id <> '' AND model <> '' GROUP BY model"
    )
    return [{"kind": "model"} | dict(row) for row in bind.execute(sa.text(counted), {"id": id}).mappings()]
