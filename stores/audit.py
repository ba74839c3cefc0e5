"""The audit log: who changed what, as a chain of entries in which none can be altered, taken out or put in unseen.

An entry's hash is SHA-256 over the hash before it and all that the entry says, so it stands for the whole log up to there. Whoever may
write to the store can still cut the end off, or write the whole chain anew: against that the newest hash (the head) is kept elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol

import msgspec

FIRST = "0" * 64
"""What stands before the first entry."""
_FORMAT = 1


class Fact(msgspec.Struct, frozen=True):
    """What an entry says.

    Args:
        at_ms: when, ms since the epoch.
        by: who.
        roles: that it was allowed by.
        action: method and path, such as ``PUT /v1/policy``.
        phase: intent: written before the change; outcome: after it. An intent without an outcome: the process ended in between.
        of: number of the intent that an outcome belongs to; 0 for an intent.
        status: of the answer, for an outcome; 0 for an intent.
        subject: what was changed, in a few words, such as ``release 7``.
        body_sha256: of the request's body, in hexadecimal; the body itself is not kept here.
        body_bytes: its length.
        peer: ``address:port`` that the request came from; '' for what no request did.
    """

    at_ms: int
    by: str
    roles: tuple[str, ...]
    action: str
    phase: Literal["intent", "outcome"]
    of: int = 0
    status: int = 0
    subject: str = ""
    body_sha256: str = ""
    body_bytes: int = 0
    peer: str = ""


class Entry(msgspec.Struct, frozen=True):
    """A link of the chain.

    Args:
        number: from 1 without gaps.
        previous: hash of the entry before it.
        said: number and fact as JSON, byte for byte what was hashed.
        hash: SHA-256 over both.
    """

    number: int
    previous: str
    said: str
    hash: str

    def fact(self) -> Fact:
        """What it says.

        Raises:
            msgspec.DecodeError: it was altered into something else.
        """
        return msgspec.json.decode(self.said, type=Fact)


class Broken(msgspec.Struct, frozen=True):
    """Where a chain is not whole, and how; `number` is the entry's, 0 where it is about none."""

    number: int
    what: str


class Verified(msgspec.Struct, frozen=True):
    """The outcome of `verify`: how many entries are whole from the first on, the hash of the last of them, and the first fault."""

    entries: int
    head: str
    broken: Broken | None = None


class Audit(Protocol):
    """A store of the log. Any number of processes append, one after the other; each call waits for the store. Safe for threads.

    Raises:
        StoreUnavailableError: any call: the store does not answer; what was to be appended may have been.
    """

    def append(self, fact: Fact) -> Entry:
        """Adds an entry at the end, on disk once this returns."""

    def page(self, before: int | None, limit: int) -> list[Entry]:
        """Up to `limit` entries, newest first; those numbered below `before` where it is given."""

    def walk(self) -> Iterator[Entry]:
        """All entries as they are kept, the oldest first."""

    def close(self) -> None:
        """Lets the store go; it is not used afterwards."""


def link(number: int, previous: str, fact: Fact) -> Entry:
    """The entry that says `fact` behind the hash `previous`."""
    said = msgspec.json.encode({"format": _FORMAT, "number": number} | msgspec.structs.asdict(fact)).decode()
    return Entry(number, previous, said, entry_hash(previous, said))


def entry_hash(previous: str, said: str) -> str:
    """SHA-256, in hexadecimal, of the hash before, a line feed, and what is said."""
    return hashlib.sha256(f"{previous}\n{said}".encode()).hexdigest()


def verify(entries: Iterable[Entry], head: str = "") -> Verified:
    """Walks the chain up to its first fault.

    Args:
        entries: the oldest first.
        head: a hash that was the newest once, and has to be in the chain: otherwise its end was cut off, or all written anew.
    """
    count, last, seen = 0, FIRST, not head or head == FIRST
    for entry in entries:
        fault = _fault(entry, count, last)
        if fault:
            return Verified(count, last, Broken(entry.number, fault))
        count, last = entry.number, entry.hash
        seen = seen or entry.hash == head
    fault = "" if seen else f"no entry has the hash {head}: the log was cut off behind entry {count} or earlier, or written anew"
    return Verified(count, last, Broken(0, fault) if fault else None)


def _fault(entry: Entry, count: int, last: str) -> str:
    if entry.number > count + 1:
        return f"entry {count + 1} is missing" if entry.number == count + 2 else f"entries {count + 1} to {entry.number - 1} are missing"
    if entry.number < count + 1:
        return f"entry {entry.number} comes a second time or out of order, behind entry {count}"
    if entry.hash != entry_hash(entry.previous, entry.said) or _number_said(entry) != entry.number:
        return f"entry {entry.number} was changed or put in: its hash is not that of what it says"
    if entry.previous != last:
        return f"entry {entry.number} does not follow entry {count}: one of the two was put in, moved or written anew"
    return ""


def _number_said(entry: Entry) -> int:
    try:
        return msgspec.json.decode(entry.said, type=_Numbered).number
    except msgspec.DecodeError:
        return 0


class _Numbered(msgspec.Struct):
    number: int
