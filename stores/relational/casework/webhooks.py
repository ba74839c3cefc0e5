"""Webhooks in the relational store."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Integer, Row, Table, delete, func, insert, select, update

from stores.casework.webhooks import WEBHOOKS_MAX, StoredWebhook, TooManyWebhooksError, WebhookWish
from stores.relational.casework.deliveries import remove_deliveries
from stores.relational.database import Database, lock_out_writers
from stores.relational.tables import METADATA, TEXT

WEBHOOK = Table(
    "webhook",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("wish", TEXT, nullable=False),
    Column("keys", TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("made_by", TEXT, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("changed_at_ms", BigInteger, nullable=False),
    Column("why", TEXT, nullable=False),
)


class RelationalWebhooks:
    """See `stores.casework.webhooks.Webhooks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, webhook: StoredWebhook) -> None:
        with self._database.writing() as connection:
            lock_out_writers(connection, WEBHOOK)
            if connection.execute(select(func.count()).select_from(WEBHOOK)).scalar_one() >= WEBHOOKS_MAX:
                raise TooManyWebhooksError
            connection.execute(insert(WEBHOOK).values(_row_of(webhook)))

    def all(self) -> Sequence[StoredWebhook]:
        with self._database.reading() as connection:
            return [_webhook(row) for row in connection.execute(select(WEBHOOK).order_by(WEBHOOK.c.made_at_ms, WEBHOOK.c.id))]

    def get(self, id: str) -> StoredWebhook | None:
        with self._database.reading() as connection:
            row = connection.execute(select(WEBHOOK).where(WEBHOOK.c.id == id)).first()
        return _webhook(row) if row else None

    def replace(self, webhook: StoredWebhook) -> bool:
        before = (WEBHOOK.c.id == webhook.id) & (WEBHOOK.c.version == webhook.version - 1)
        with self._database.writing() as connection:
            changed = update(WEBHOOK).where(before).values(_row_of(webhook))
            return connection.execute(changed, execution_options={"preserve_rowcount": True}).rowcount == 1

    def remove(self, id: str) -> bool:
        with self._database.writing() as connection:
            remove_deliveries(connection, id)
            gone = delete(WEBHOOK).where(WEBHOOK.c.id == id)
            return connection.execute(gone, execution_options={"preserve_rowcount": True}).rowcount == 1


def _row_of(webhook: StoredWebhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "wish": msgspec.json.encode(webhook.wish).decode(),
        "keys": msgspec.json.encode(webhook.keys).decode(),
        "version": webhook.version,
        "made_by": webhook.by,
        "made_at_ms": webhook.made_at_ms,
        "changed_at_ms": webhook.changed_at_ms,
        "why": webhook.why,
    }


def _webhook(row: Row[Any]) -> StoredWebhook:
    return StoredWebhook(
        id=row.id,
        wish=msgspec.json.decode(row.wish, type=WebhookWish),
        keys=msgspec.json.decode(row.keys, type=tuple[str, ...]),
        version=row.version,
        by=row.made_by,
        made_at_ms=row.made_at_ms,
        changed_at_ms=row.changed_at_ms,
        why=row.why,
    )
