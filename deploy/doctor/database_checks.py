"""Whether the relational store of the settings can be used."""

import contextlib

from deploy.commands.up import has_own_database
from deploy.machine.ports import is_open
from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.opened_later import NoAnswerError
from stores.relational.database import Database
from stores.relational.migrating import OLDER
from stores.relational.place import place_of


def database_problem(settings: Settings) -> str:
    """Empty where the database answers and this program knows its tables, or where it is only there once the system was started."""
    if has_own_database(settings) and not is_open(settings.database_port):
        return ""
    try:
        with contextlib.closing(Database(place_of(settings), owner=False)):
            return ""
    except NoAnswerError as refusal:
        return f"{refusal}; start it, or mend WEIR_DATABASE_URL or WEIR_DATABASE_URL_FILE"
    except Refusal as refusal:
        return "" if refusal.what in OLDER else str(refusal)
