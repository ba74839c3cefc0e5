"""Entries of lists, as records of the compacted topic ``entries``."""

import logging
import sys
from typing import NamedTuple

import msgspec

from foundation.refusal import Refusal

log = logging.getLogger(__name__)

VALUE_BYTES_MAX = 2_048
REASON_BYTES_MAX = 1_024
CARRIED_OVER = "carried-over"
"""The key of the record that says that the entries of old releases have been copied to the topic."""

FOLDER = "folder"
"""`Entry.source` of entries from a configuration folder: the next push of the folder removes those that it no longer has."""
API = "api"
"""`Entry.source` of entries added over HTTP; a push leaves them alone."""
RULE = "rule"
"""`Entry.source` of entries that matches of rules made; `Entry.by` names the rule, and a push leaves them alone."""
VERDICT = "verdict"
"""`Entry.source` of entries that verdicts of analysts made; a push leaves them alone."""
RELEASE = "release"
"""`Entry.source` of entries that a release held before entries became records; a push leaves them alone."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Says that a value is on a list; it is the value of a record. A record without a value removes the entry from the list.

    Args:
        list: the list's name.
        value: the listed text; it is compared byte for byte.
        expires: event time in ms since the epoch from which on (inclusive) the value no longer counts; None means never.
        reason: why the entry was made.
        by: who made the entry.
        source: what made the entry: `FOLDER`, `API`, `RELEASE`, `RULE` or `VERDICT`.
        id: the id of the effect that made the entry; the entries of one request share it.
    """

    list: str
    value: str
    expires: int | None = None
    reason: str = ""
    by: str = ""
    source: str = ""
    id: str = ""

    def counts_at(self, time_ms: int) -> bool:
        """Tells whether the value is on the list for an event at `time_ms`."""
        return self.expires is None or time_ms < self.expires


class Change(NamedTuple):
    """Says what one record changes: `entry` is the entry of `value` on `list` from now on; None removes it."""

    list: str
    value: str
    entry: Entry | None

    def record(self) -> tuple[str, bytes | None]:
        """Returns the key and the value of the record."""
        return key_of(self.list, self.value), None if self.entry is None else _encode(self.entry)


class Placed(NamedTuple):
    """Holds a record with its offset. Without a change it only says that all records before `offset` + 1 were read."""

    offset: int
    change: Change | None
    carried_over: bool = False


_encode = msgspec.json.Encoder().encode
_read_key = msgspec.json.Decoder(tuple[str, str]).decode
_read_entry = msgspec.json.Decoder(Entry).decode


def key_of(list: str, value: str) -> str:
    """Returns the key of an entry's record: a JSON array of both without spaces, so that no two entries share a key."""
    return _encode((list, value)).decode()


def placed(key: str, value: bytes | None, offset: int) -> Placed:
    """Reads the record of `key` and `value` at `offset`. Texts that many entries share become one object.

    Raises:
        ValueError: this is no record of the topic, or its value belongs to another entry than its key.
    """
    if key == CARRIED_OVER:
        return Placed(offset, None, value is not None)
    name, member = _read_key(key)
    if key_of(name, member) != key:
        raise ValueError(f"expected the key to be written as {key_of(name, member)[:200]}")
    if value is None:
        return Placed(offset, Change(name, member, None))
    entry = _read_entry(value)
    if (entry.list, entry.value) != (name, member):
        raise ValueError(f"the record of {key[:200]} holds another entry than its key says")
    return Placed(offset, Change(name, member, _shared(entry, member)))


def read_record(key: bytes | None, value: bytes | None, offset: int) -> Placed:
    """Reads a record as `placed` does, but logs and skips one that does not belong to the topic: nobody can repair it."""
    try:
        return placed((key or b"").decode(), value, offset)
    except (ValueError, RecursionError) as reason:
        log.error("record %d of the topic of entries is skipped: %s", offset, reason)
        return Placed(offset, None)


def carried_over_mark(release: int) -> tuple[str, bytes]:
    """Returns the record that says that the entries of `release` have been copied to the topic: its key and value."""
    return CARRIED_OVER, msgspec.json.encode({"release": release})


def check_value(value: str, where: str) -> str:
    """Returns `value` if it may be on a list.

    Raises:
        Refusal: `value` is empty or too long, has white space around it, a control character, or # in front.
    """
    if not value or value != value.strip() or value.startswith("#") or not value.isprintable():
        expected = "an entry without white space around it, control characters or # in front"
        raise Refusal("bad entry", where=where, expected=expected, got=value or "an empty text")
    _check_bytes(value, VALUE_BYTES_MAX, "value", where)
    return value


def check_reason(reason: str, where: str) -> str:
    """Returns `reason` if it may be the reason of an entry.

    Raises:
        Refusal: `reason` is too long.
    """
    _check_bytes(reason, REASON_BYTES_MAX, "reason", where)
    return reason


def _check_bytes(text: str, bytes_max: int, what: str, where: str) -> None:
    size = len(text.encode("utf-8", "replace"))
    if size > bytes_max:
        raise Refusal(f"{what} too long", where=where, expected=f"at most {bytes_max} bytes", got=f"{size} bytes")


def _shared(entry: Entry, value: str) -> Entry:
    reason, by, source, id = map(sys.intern, (entry.reason, entry.by, entry.source, entry.id))
    return Entry(sys.intern(entry.list), value, entry.expires, reason, by, source, id)
