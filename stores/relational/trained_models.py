"""Models that were trained beside the stream, in the relational store."""

from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, LargeBinary, Row, Table, UniqueConstraint, delete, insert, select

from stores.relational.database import Database, lock_out_writers
from stores.relational.tables import METADATA, TEXT
from stores.trained_models import KEPT, TrainedModel

TRAINED_MODEL = Table(
    "trained_model",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("model", TEXT, nullable=False),
    Column("definition", TEXT, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("report", TEXT, nullable=False),
    Column("snapshot", LargeBinary, nullable=False),
    UniqueConstraint("model", "definition", "sequence", name="uq_trained_model_sequence"),
)
_HEAD = [column for column in TRAINED_MODEL.c if column.name != "snapshot"]


class RelationalTrainedModels:
    """See `stores.trained_models.TrainedModels`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, trained: TrainedModel) -> None:
        row = msgspec.structs.asdict(trained) | {"report": msgspec.json.encode(trained.report).decode()}
        own = (TRAINED_MODEL.c.model == trained.model) & (TRAINED_MODEL.c.definition == trained.definition)
        sequence = TRAINED_MODEL.c.sequence
        with self._database.writing() as connection:
            lock_out_writers(connection, TRAINED_MODEL)
            known = connection.execute(select(sequence).where(own).order_by(sequence.desc())).scalars().all()
            if trained.sequence in known:
                return
            connection.execute(insert(TRAINED_MODEL).values(row))
            kept = sorted([*known, trained.sequence], reverse=True)[:KEPT]
            connection.execute(delete(TRAINED_MODEL).where(own, sequence < kept[-1]))

    def newest(self, model: str, definition: str, above: int) -> TrainedModel | None:
        own = (TRAINED_MODEL.c.model == model) & (TRAINED_MODEL.c.definition == definition)
        query = select(TRAINED_MODEL).where(own, TRAINED_MODEL.c.sequence > above).order_by(TRAINED_MODEL.c.sequence.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _trained(row, row.snapshot)

    def of(self, model: str) -> list[TrainedModel]:
        query = select(*_HEAD).where(TRAINED_MODEL.c.model == model).order_by(TRAINED_MODEL.c.made_at_ms.desc(), TRAINED_MODEL.c.id)
        with self._database.reading() as connection:
            return [_trained(row, b"") for row in connection.execute(query)]


def _trained(row: Row[Any], snapshot: bytes) -> TrainedModel:
    report = msgspec.json.decode(row.report, type=dict[str, Any])
    return TrainedModel(row.id, row.model, row.definition, row.sequence, row.made_at_ms, report, bytes(snapshot))
