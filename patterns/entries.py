"""An entry of a list, as it is a record of the compacted topic ``entries``."""

import logging
import sys
from typing import NamedTuple

import msgspec

from foundation.refusal import Refusal

log = logging.getLogger(__name__)

VALUE_BYTES_MAX = 2_048
REASON_BYTES_MAX = 1_024
CARRIED_OVER = "carried-over"
"""Key of the record that says that the entries which releases once held were written to the topic."""

FOLDER = "folder"
"""`Entry.source` of what a configuration folder brought: the next push of the folder takes out what it no longer has."""
API = "api"
"""`Entry.source` of what was added over HTTP; a push leaves it."""
RELEASE = "release"
"""`Entry.source` of what a release held before entries were records of their own; a push leaves it."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A value on a list: the value of a record; a record without a value takes the entry off the list.

    Args:
        list: the list's name.
        value: compared byte for byte.
        expires: event time in ms since the epoch from which on, it included, the value no longer counts; None: it has no end.
        reason: why it is there.
        by: who put it there.
        source: what put it there: `FOLDER`, `API` or `RELEASE`; a rule's own later.
        id: of the effect that put it there; the entries of one request share it.
    """

    list: str
    value: str
    expires: int | None = None
    reason: str = ""
    by: str = ""
    source: str = ""
    id: str = ""

    def counts_at(self, time_ms: int) -> bool:
        """Whether the value is on the list for an event of that time."""
        return self.expires is None or time_ms < self.expires


class Change(NamedTuple):
    """What one record says: the entry of `value` on `list` from now on; None: it goes."""

    list: str
    value: str
    entry: Entry | None

    def record(self) -> tuple[str, bytes | None]:
        """Key and value of the record."""
        return key_of(self.list, self.value), None if self.entry is None else _encode(self.entry)


class Placed(NamedTuple):
    """A record at its offset: a change, or with None only that all records before `offset` + 1 were read."""

    offset: int
    change: Change | None
    carried_over: bool = False


_encode = msgspec.json.Encoder().encode
_read_key = msgspec.json.Decoder(tuple[str, str]).decode
_read_entry = msgspec.json.Decoder(Entry).decode


def key_of(list: str, value: str) -> str:
    """The key of an entry's record: both as a JSON array without spaces, so that no two entries have one key."""
    return _encode((list, value)).decode()


def placed(key: str, value: bytes | None, offset: int) -> Placed:
    """The record of `key` and `value` at `offset`. Texts that many entries share are one object.

    Raises:
        ValueError: it is no record of the topic, or its value is of another entry than its key.
    """
    if key == CARRIED_OVER:
        return Placed(offset, None, value is not None)
    name, member = _read_key(key)
    if key_of(name, member) != key:
        raise ValueError(f"the key is not written as {key_of(name, member)[:200]}")
    if value is None:
        return Placed(offset, Change(name, member, None))
    entry = _read_entry(value)
    if (entry.list, entry.value) != (name, member):
        raise ValueError(f"the record of {key[:200]} is of another entry")
    return Placed(offset, Change(name, member, _shared(entry, member)))


def read_record(key: bytes | None, value: bytes | None, offset: int) -> Placed:
    """As `placed`; a record that is none of the topic is told to the log and passed over, for nobody can mend it."""
    try:
        return placed((key or b"").decode(), value, offset)
    except (ValueError, RecursionError) as reason:
        log.error("record %d of the topic of entries is passed over: %s", offset, reason)
        return Placed(offset, None)


def carried_over_mark(release: int) -> tuple[str, bytes]:
    """Key and value of the record that says that the entries which `release` held were written to the topic."""
    return CARRIED_OVER, msgspec.json.encode({"release": release})


def check_value(value: str, where: str) -> str:
    """`value`, when it may be on a list.

    Raises:
        Refusal: it is empty or too long, has white space around it, a control character, or # in front.
    """
    if not value or value != value.strip() or value.startswith("#") or not value.isprintable():
        expected = "an entry without white space around it, control characters or # in front"
        raise Refusal("bad entry", where=where, expected=expected, got=value or "an empty text")
    _check_bytes(value, VALUE_BYTES_MAX, "value", where)
    return value


def check_reason(reason: str, where: str) -> str:
    """`reason`, when it may be that of an entry.

    Raises:
        Refusal: it is too long.
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
