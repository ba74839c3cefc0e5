"""The shape of an answer about the facts of an entity."""

import msgspec

from pipeline.engine.fact_record import FactRecord


class FactsOfEntity(msgspec.Struct):
    """What was told last of each fact of an entity; one that has expired by the time of the entity's events is among them."""

    entity: str
    id: str
    facts: list[FactRecord]
