"""Entries of lists are read from JSON Lines files."""

import datetime
import pathlib

import msgspec

from foundation.refusal import Refusal
from patterns.entries import Change, Entry
from pipeline.engine.fact_record import moment_ms
from pipeline.tables.event_files import is_table
from pipeline.tables.lines import read_lines
from pipeline.tables.refused import RefusedRows


class _Given(msgspec.Struct):
    """An entry as people write it; `expires` is in ms since the epoch or RFC 3339."""

    list: str
    value: str
    expires: int | datetime.datetime | None = None


_decode = msgspec.json.Decoder(_Given).decode


def read_entries_file(path: pathlib.Path, refused: RefusedRows) -> list[Change]:
    """Reads one entry a line. All are on their lists from the first event on, each up to its end; bad lines go to `refused`.

    Raises:
        Refusal: the file is missing, cannot be read, or is no JSON Lines file.
    """
    if is_table(path):
        remedy = "write each entry as a JSON object on a line of its own"
        raise Refusal("unknown format", where=str(path), expected="a JSON Lines file of entries", got=path.suffix, remedy=remedy)
    changes = []
    for row, line in read_lines(path):
        try:
            changes.append(_change_of(line))
        except Refusal as refusal:
            refused.add(str(path), row, refusal, line)
    return changes


def _change_of(line: bytes) -> Change:
    try:
        given = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("bad entry", where="entry", expected='{"list", "value"} and perhaps "expires"', got=str(error)) from error
    expires = None if given.expires is None else moment_ms(given.expires, "expires")
    return Change(given.list, given.value, Entry(given.list, given.value, expires))
