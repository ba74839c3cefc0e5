"""Reads from the archive what was told of entities, and what stands on lists, for a replay of archived events."""

import pyarrow as pa

from features.schema.schema import Schema
from foundation.refusal import Refusal
from foundation.settings import Settings
from patterns.entries import Change, read_record
from pipeline.engine.definitions.release import Release
from pipeline.engine.fact_record import FactRecord, check_declared, read_fact
from pipeline.sinks.archive_access import read_archive


def told_of_archive(settings: Settings, release: Release) -> tuple[list[FactRecord], list[Change]]:
    """Returns the facts of entities, and the entries of lists if anything in `release` asks for one.

    Raises:
        Refusal: the archive does not answer.
    """
    facts, _ = archived_facts(settings, release.schema)
    return facts, archived_entries(settings) if release.lists_read else []


def archived_facts(settings: Settings, schema: Schema) -> tuple[list[FactRecord], int]:
    """Returns the facts in the order of the times from which on they hold, and counts the records that are no facts of `schema`.

    Raises:
        Refusal: the archive does not answer.
    """
    facts: list[FactRecord] = []
    bad = 0
    for table in read_archive(settings, "facts", columns=("value",)):
        for value in table["value"].to_pylist():
            if not value:  # a tombstone frees the topic of a fact that has ended already
                continue
            try:
                fact = read_fact(value)
                check_declared(schema, fact)
            except Refusal:
                bad += 1
            else:
                facts.append(fact)
    return sorted(facts, key=lambda fact: fact.since), bad


def archived_entries(settings: Settings) -> list[Change]:
    """Returns the entries that stand on lists after the last archived change. It costs memory for each entry.

    Raises:
        Refusal: the archive does not answer.
    """
    standing: dict[tuple[str, str], Change] = {}
    for table in read_archive(settings, "entries", columns=("offset", "key", "value")):
        offsets = table["offset"].cast(pa.int64()).to_pylist()
        for offset, key, value in zip(offsets, table["key"].to_pylist(), table["value"].to_pylist(), strict=True):
            change = read_record(key, value or None, offset).change
            if change is not None and change.entry is not None:
                standing[change.list, change.value] = change
            elif change is not None:
                standing.pop((change.list, change.value), None)
    return list(standing.values())
