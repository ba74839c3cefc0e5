"""An API process does not begin an audit log anew beside one that an earlier version kept."""

import contextlib

from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.decisions import StoreUnavailableError
from stores.relational.carrying_over import carried_over
from stores.relational.database import Database
from stores.sqlite.sqlite_earlier import FILES, SOURCE, EarlierFiles


def require_carried_over(settings: Settings, database: Database) -> None:
    """Lets a process start whose folder has no files of an earlier version, or whose database holds what was in them.

    Raises:
        Refusal: what is in them was not carried over.
    """
    if settings.store == "cassandra" or not EarlierFiles(settings.path()).exist:
        return
    with contextlib.suppress(StoreUnavailableError):
        if not carried_over(database, SOURCE):
            raise Refusal(
                "definitions, tokens and audit log of an earlier version",
                where=f"{', '.join(FILES)} in {settings.path()}",
                expected=f"them in the one store that has their place now: {database.place.where}",
                got="nothing of them there",
                remedy="run `weir database carry-over` once, before any api process starts",
            )
