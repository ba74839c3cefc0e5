"""Carries over what earlier versions kept of definitions, tokens and the audit log, from where the settings say that it was."""

import contextlib
import time
from collections.abc import Callable

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.sinks.decision_store import WRITE_SECONDS_MAX, cassandra_place
from stores.cassandra.cassandra_earlier import EarlierKeyspaces
from stores.decisions import StoreUnavailableError
from stores.relational.carrying_over import carried_over, carry_over
from stores.relational.database import Database
from stores.relational.place import place_of
from stores.sqlite.sqlite_earlier import SOURCE, EarlierFiles

CASSANDRA = "keyspaces of Cassandra"


def carry_over_earlier(settings: Settings, say: Callable[[str], None]) -> None:
    """Carries over from the SQLite files in the folder or, where the decisions are in Cassandra, from the keyspaces beside theirs. Once:
    a second time changes nothing. What is carried over stays where it was.

    Args:
        say: is told what was done, when something was.

    Raises:
        Refusal: a store does not answer, or the relational store is in use already; nothing was carried over.
    """
    try:
        if settings.store == "cassandra":
            _from_cassandra(settings, say)
        elif (files := EarlierFiles(settings.path())).exist:
            with contextlib.closing(Database(place_of(settings))) as database:
                if not carried_over(database, SOURCE):
                    _tell(say, SOURCE, database, carry_over(database, SOURCE, files, _now_ms()))
    except StoreUnavailableError as error:
        raise Refusal(
            "nothing was carried over", where="earlier stores", expected="an answer", got=str(error), remedy="try again"
        ) from error


def _from_cassandra(settings: Settings, say: Callable[[str], None]) -> None:
    with contextlib.closing(Database(place_of(settings))) as database:
        if carried_over(database, CASSANDRA):
            return
        with contextlib.closing(EarlierKeyspaces(cassandra_place(settings, WRITE_SECONDS_MAX))) as keyspaces:
            there = keyspaces.exist
            said = carry_over(database, CASSANDRA, keyspaces, _now_ms())
        if there:
            _tell(say, CASSANDRA, database, said)


def _tell(say: Callable[[str], None], source: str, database: Database, said: str) -> None:
    say(f"carried over from the {source} to {database.place.kind}, {database.place.where}: {said}")


def _now_ms() -> int:
    return int(time.time() * 1000)
