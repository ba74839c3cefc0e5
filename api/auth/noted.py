"""Facts about this process's own doings in the audit log, each once, however often a store that was away is tried."""

from stores.audit import Audit, Fact, link

LOOKED_AT = 100


def note_once(audit: Audit, fact: Fact) -> None:
    """Appends `fact` unless one of the newest entries says the same: an append that no answer came to may have been made.

    Raises:
        StoreUnavailableError: the log does not answer; to be called again.
    """
    newest = audit.page(None, LOOKED_AT)
    if not any(entry.said == link(entry.number, entry.previous, fact).said for entry in newest):
        audit.append(fact)
