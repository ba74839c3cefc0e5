"""Facts are read from JSON Lines files with the checks of a live fact."""

import pathlib

import msgspec

from features.schema.schema import Schema
from foundation.refusal import Refusal
from pipeline.engine.fact_record import FactRecord, check_declared, read_fact
from pipeline.tables.event_files import is_table
from pipeline.tables.lines import read_lines
from pipeline.tables.refused import RefusedRows


def read_facts_file(path: pathlib.Path, schema: Schema, refused: RefusedRows) -> list[FactRecord]:
    """Reads one fact a line, and returns them in the order of the times from which on they hold.

    Of two that hold from one time on and do not say when they were written, the one that stands later counts. Lines that are no facts, or
    facts that the schema does not declare, go to `refused`.

    Raises:
        Refusal: the file is missing, cannot be read, or is no JSON Lines file.
    """
    if is_table(path):
        remedy = "write each fact as a JSON object on a line of its own"
        raise Refusal("unknown format", where=str(path), expected="a JSON Lines file of facts", got=path.suffix, remedy=remedy)
    facts = []
    for row, line in read_lines(path):
        try:
            fact = read_fact(line)
            check_declared(schema, fact)
        except Refusal as refusal:
            refused.add(str(path), row, refusal, line)
            continue
        facts.append(fact if fact.written else msgspec.structs.replace(fact, written=row))
    return sorted(facts, key=lambda fact: fact.since)
