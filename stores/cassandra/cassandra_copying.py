"""Rows of the tables of earlier versions are copied into the present tables.

At first, tables were keyed by the event id without its primary entity; all that they held follows from the rows of ``decision``, whose
keys name the primary entity. Later, the flags of one day were one partition, and now those of one hour are.
"""

import logging
from collections.abc import Callable
from itertools import islice

from stores.cassandra.cassandra import Keyspace
from stores.cassandra.cassandra_rows import older_decision_of
from stores.decisions import StoredDecision

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1_000
HOUR_MS = 3_600_000
_FLAGS = "SELECT score, event_time, event_id, user, action, revision, writetime(action) FROM flagged_event"
_OLD = ("history", "flagged", "decision")
_ROWS = "SELECT event_id, revision, event_time, sort, keys, score, action, release, value, retracted, packed FROM decision"


def copy_decisions(keyspace: Keyspace, write: Callable[[list[StoredDecision]], int]) -> int:
    """Copies all decisions of the old tables with `write`, then drops these tables, and returns how many decisions there were.

    A copy that was stopped begins anew the next time; rows that are written a second time do not change. Copied rows are kept as long as
    new ones. It copies about 5,000 decisions a second; readers do not find a decision before it is copied.

    Raises:
        StoreUnavailableError: no node answers in time; the old tables are still there.
    """
    if not _has(keyspace, "decision"):
        return 0
    copied, part = 0, list[StoredDecision]()
    for row in keyspace.once(_ROWS, page=ROWS_AT_ONCE):
        part.append(older_decision_of(row))
        if len(part) == ROWS_AT_ONCE:
            copied += write(part)
            log.info("%d decisions were copied from the table decision of an earlier version", copied)
            part = []
    copied += write(part) if part else 0
    for table in _OLD:
        keyspace.run(f"DROP TABLE IF EXISTS {table}")
    return copied


def copy_flags(keyspace: Keyspace, flag: str, flag_hour: str) -> int:
    """Copies all flags of the old table with the statements `flag` and `flag_hour`, then drops it, and returns how many flags there were.

    Raises:
        StoreUnavailableError: no node answers in time; the old table is still there.
    """
    if not _has(keyspace, "flagged_event"):
        return 0
    copied = 0
    rows = keyspace.once(_FLAGS, page=ROWS_AT_ONCE)
    while part := list(islice(rows, ROWS_AT_ONCE)):
        hours = {row[1] // HOUR_MS for row in part}
        flags = [keyspace.bound(flag, row[1] // HOUR_MS, *row) for row in part]
        keyspace.write([*(keyspace.bound(flag_hour, hour) for hour in hours), *flags])
        copied += len(part)
    for table in ("flagged_event", "flagged_day"):
        keyspace.run(f"DROP TABLE IF EXISTS {table}")
    return copied


def _has(keyspace: Keyspace, table: str) -> bool:
    query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s"
    return bool(keyspace.run(query, keyspace.name, table))
