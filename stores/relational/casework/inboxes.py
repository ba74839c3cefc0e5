"""Inboxes in the relational store."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, func, select, update

from stores.casework.inboxes import INBOXES_MAX, Inbox, TooManyInboxesError
from stores.relational.casework.case_tables import INBOX
from stores.relational.database import Database, insert_unless_there, lock_out_writers

_decode = msgspec.json.Decoder(Inbox).decode


class RelationalInboxes:
    """See `stores.casework.inboxes.Inboxes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Sequence[Inbox]:
        with self._database.reading() as connection:
            return [_decode(whole) for whole in connection.execute(select(INBOX.c.whole).order_by(INBOX.c.name)).scalars()]

    def put(self, inbox: Inbox) -> bool:
        row = {"name": inbox.name, "version": inbox.version, "whole": msgspec.json.encode(inbox)}
        with self._database.writing() as connection:
            lock_out_writers(connection, INBOX)
            if inbox.version > 1:
                before = update(INBOX).where(INBOX.c.name == inbox.name, INBOX.c.version == inbox.version - 1).values(**row)
                return connection.execute(before, execution_options={"preserve_rowcount": True}).rowcount == 1
            if connection.execute(select(func.count()).select_from(INBOX)).scalar_one() >= INBOXES_MAX:
                raise TooManyInboxesError
            return insert_unless_there(connection, INBOX, **row)

    def remove(self, name: str) -> bool:
        with self._database.writing() as connection:
            gone = delete(INBOX).where(INBOX.c.name == name)
            return connection.execute(gone, execution_options={"preserve_rowcount": True}).rowcount == 1
