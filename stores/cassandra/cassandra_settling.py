"""Waits until acknowledged writes are durable, so that they outlive a killed node.

A node that syncs its commit log periodically (``commitlog_sync: periodic``) acknowledges a write at once, but after a kill it has only the
writes before the last sync. It blocks writes while its last sync is longer ago than ``periodic_commitlog_sync_lag_block``. So when it
acknowledges a write that was sent this long after earlier acknowledgements, the earlier writes are synced. This does not hold if the node
was restarted meanwhile, which its gossip generation shows.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec
from cassandra.cluster import Session
from cassandra.query import SimpleStatement

from stores.decisions import StoreUnavailableError

log = logging.getLogger(__name__)

LAG_SECONDS_MAX = 1.0
_MARGIN_SECONDS = 0.001
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_GENERATION = "SELECT gossip_generation FROM system.local"
_SETTINGS = (
    "SELECT name, value FROM system_views.settings "
    "WHERE name IN ('commitlog_sync', 'commitlog_sync_period', 'periodic_commitlog_sync_lag_block')"
)
_MARK = "INSERT INTO {}.schema_version (id, version, at_ms) VALUES (-1, 0, %s)"


class Life(msgspec.Struct, frozen=True):
    """The life of a node from a start to its end.

    Args:
        generation: grows with each start of the node.
        lag_seconds: for how long acknowledged writes may be unsynced; 0 if they need no waiting.
    """

    generation: int
    lag_seconds: float


class Settling:
    """Waits only for a cluster of one node: with several nodes, the copies on the others outlive a kill. It is thread-safe.

    Args:
        session: connected to the cluster.
        keyspace: has the table ``schema_version``; one row of it is written after the wait.
        wait: sleeps for the given number of seconds.
    """

    def __init__(self, session: Session, keyspace: str, wait: Callable[[float], None] = time.sleep) -> None:
        self._session = session
        self._mark = SimpleStatement(_MARK.format(keyspace))
        self._wait = wait
        self._life = Life(-1, 0.0)

    def life(self) -> Life:
        """Gives the present life of the node; ask for it before the first write."""
        if len(self._session.cluster.metadata.all_hosts()) != 1:
            return Life(-1, 0.0)
        [(generation,)] = self._rows(_GENERATION)
        life = self._life
        if life.generation != generation:
            life = self._life = Life(generation, self._lag_seconds())
        return life

    def settle(self, life: Life) -> None:
        """Returns once all writes that were acknowledged in `life` outlive a kill.

        Raises:
            StoreUnavailableError: the node was restarted and may have lost some of these writes.
        """
        if not life.lag_seconds:
            return
        self._wait(life.lag_seconds + _MARGIN_SECONDS)
        self._session.execute(self._mark, (int(time.time() * 1000),))
        [(generation,)] = self._rows(_GENERATION)
        if generation != life.generation:
            raise StoreUnavailableError("Cassandra: the node was started again and may have lost what was just written")

    def _lag_seconds(self) -> float:
        settings = dict(self._rows(_SETTINGS))
        if settings["commitlog_sync"] != "periodic":
            return 0.0
        seconds = _seconds(settings["periodic_commitlog_sync_lag_block"]) or 1.5 * _seconds(settings["commitlog_sync_period"])
        if seconds > LAG_SECONDS_MAX:
            log.warning("the only node of Cassandra syncs its commit log late: a kill loses the writes of its last %g s", seconds)
            return 0.0
        return seconds

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return list(self._session.execute(SimpleStatement(statement)))


def _seconds(duration: str | None) -> float:
    """Reads a duration as Cassandra writes it, such as ``10000ms``; gives 0 for any other text."""
    found = re.fullmatch(r"(\d+)(ms|s|m)", duration or "")
    return int(found[1]) * _UNITS[found[2]] if found else 0.0
