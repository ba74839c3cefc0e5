"""Entries of the audit log about what this process does by itself; each is written once, however often the write is tried again."""

from stores.audit import Audit, Fact, link

LOOKED_AT = 100


def note_once(audit: Audit, fact: Fact) -> None:
    """Appends `fact` unless one of the newest `LOOKED_AT` entries says the same.

    An append whose answer was lost may have been made; so this may be called again until it returns.

    Raises:
        StoreUnavailableError: the audit log does not answer.
    """
    newest = audit.page(None, LOOKED_AT)
    if not any(entry.said == link(entry.number, entry.previous, fact).said for entry in newest):
        audit.append(fact)
