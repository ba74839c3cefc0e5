"""The audit log: who changed what, as a tamper-evident hash chain.

An entry's hash is SHA-256 over the hash of the entry before and over everything that the entry says, so one hash vouches for the whole log
up to it. Whoever can write to the store can still cut the end off or rewrite the whole chain; to detect that, the newest hash (the head) is
kept elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol

import msgspec

FIRST = "0" * 64
"""The hash that stands before the first entry."""
_FORMAT = 1


class Fact(msgspec.Struct, frozen=True):
    """Holds what an entry says.

    Args:
        at_ms: when, ms since the epoch.
        by: who.
        roles: roles that allowed the change.
        action: method and path of the request, such as ``PUT /v1/policy``.
        phase: ``intent`` is written before the change, ``outcome`` after it. An intent without an outcome means that the process ended
            between.
        of: number of the intent to which an outcome belongs; 0 for an intent.
        status: HTTP status of the answer, for an outcome; 0 for an intent.
        subject: what was changed, in a few words, such as ``release 7``.
        body_sha256: SHA-256 of the request's body, in hexadecimal; the body itself is not kept here.
        body_bytes: length of the body.
        peer: ``address:port`` from which the request came; '' if no request caused the change.
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
    """Holds one link of the chain.

    Args:
        number: number of the entry, from 1 without gaps.
        previous: hash of the entry before it.
        said: number and fact as JSON, exactly the bytes that were hashed.
        hash: SHA-256 over `previous` and `said`.
    """

    number: int
    previous: str
    said: str
    hash: str

    def fact(self) -> Fact:
        """Decodes what the entry says.

        Raises:
            msgspec.DecodeError: the entry was altered and is no longer a fact.
        """
        return msgspec.json.decode(self.said, type=Fact)


class Broken(msgspec.Struct, frozen=True):
    """Says where and how a chain is broken; `number` is the entry's, or 0 if the fault concerns no single entry."""

    number: int
    what: str


class Verified(msgspec.Struct, frozen=True):
    """Holds the result of `verify`: the number of intact entries from the first on, the hash of the last of them, and the first fault."""

    entries: int
    head: str
    broken: Broken | None = None


class Audit(Protocol):
    """Stores the log. Any number of processes append, one after the other; each call waits for the store. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and an entry may have been appended all the same.
    """

    def append(self, fact: Fact) -> Entry:
        """Appends an entry, which is on disk once this returns."""

    def page(self, before: int | None, limit: int) -> list[Entry]:
        """Returns up to `limit` entries, the newest first, numbered below `before` if it is given."""

    def walk(self) -> Iterator[Entry]:
        """Yields all entries as they are stored, the oldest first."""


def link(number: int, previous: str, fact: Fact) -> Entry:
    """Makes the entry that says `fact` after the hash `previous`."""
    said = msgspec.json.encode({"format": _FORMAT, "number": number} | msgspec.structs.asdict(fact)).decode()
    return Entry(number, previous, said, entry_hash(previous, said))


def entry_hash(previous: str, said: str) -> str:
    """Returns SHA-256, in hexadecimal, of the hash before, a line feed, and `said`."""
    return hashlib.sha256(f"{previous}\n{said}".encode()).hexdigest()


def verify(entries: Iterable[Entry], head: str = "") -> Verified:
    """Verifies the chain up to its first fault.

    Args:
        entries: the entries, the oldest first.
        head: a hash that was once the newest and must be in the chain; if it is missing, the end was cut off or the log rewritten.
    """
    count, last, seen = 0, FIRST, not head or head == FIRST
    for entry in entries:
        fault = _fault(entry, count, last)
        if fault:
            return Verified(count, last, Broken(entry.number, fault))
        count, last = entry.number, entry.hash
        seen = seen or entry.hash == head
    fault = "" if seen else f"no entry has the hash {head}: the log was cut off after entry {count} or earlier, or rewritten"
    return Verified(count, last, Broken(0, fault) if fault else None)


def _fault(entry: Entry, count: int, last: str) -> str:
    if entry.number > count + 1:
        return f"entry {count + 1} is missing" if entry.number == count + 2 else f"entries {count + 1} to {entry.number - 1} are missing"
    if entry.number < count + 1:
        return f"entry {entry.number} comes a second time or out of order, after entry {count}"
    if entry.hash != entry_hash(entry.previous, entry.said) or _number_said(entry) != entry.number:
        return f"entry {entry.number} was changed or inserted: its hash does not match what it says"
    if entry.previous != last:
        return f"entry {entry.number} does not follow entry {count}: one of the two was inserted, moved or rewritten"
    return ""


def _number_said(entry: Entry) -> int:
    try:
        return msgspec.json.decode(entry.said, type=_Numbered).number
    except msgspec.DecodeError:
        return 0


class _Numbered(msgspec.Struct):
    number: int
