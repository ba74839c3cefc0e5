"""The body of a request that edits a list, and the entries that it adds."""

import datetime
from collections.abc import Sequence

import msgspec

from api.http.json_body import read_json
from features.schema.schema import LAST_TIME_MS
from foundation.refusal import Refusal
from patterns.entries import API, Entry, check_reason, check_value

EDITS_MAX = 10_000
WHERE = "list edit"
_EXPECTED = '{"add": ["<value>" or {"value": "<value>", "expires": <time>, "reason": "…"}, …], "remove": ["<value>", …], "reason": "…"}'
_TIME = "a time in ms since the epoch, or RFC 3339 with a zone"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Added(msgspec.Struct, forbid_unknown_fields=True):
    """A value to add; it counts for events before `expires` (exclusive), in ms since the epoch or RFC 3339, or for ever."""

    value: str
    expires: int | datetime.datetime | None = None
    reason: str = ""


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """The values to add to a list and to remove from it; a value in both is added. A value that is as asked already is skipped.

    `reason` is the reason of each added value that has none of its own, and is written to the audit log.
    """

    add: list[str | Added] = []
    remove: list[str] = []
    reason: str = ""


def read_edit(body: bytes) -> Edit:
    """Reads the edit in `body`.

    Raises:
        Refusal: it is not an edit, has more than `EDITS_MAX` values, or one of them cannot be on a list.
    """
    edit = read_json(body, Edit, WHERE, _EXPECTED)
    count = len(edit.add) + len(edit.remove)
    if count > EDITS_MAX:
        raise Refusal("too many edits", where=WHERE, expected=f"at most {EDITS_MAX} values in one request", got=count)
    check_reason(edit.reason, f"{WHERE}: reason")
    for value in edit.remove:
        check_value(value, f"{WHERE}: remove")
    return edit


def added_by(edit: Edit, name: str, by: str, id: str, event_time_ms: int) -> Sequence[Entry]:
    """The entries that `edit` of the list `name` adds.

    Args:
        by: the name of the caller.
        id: the id of all entries of this request.
        event_time_ms: the newest event time known, in ms since the epoch.

    Raises:
        Refusal: a value cannot be on a list, or has expired already.
    """
    return [_entry(each if isinstance(each, Added) else Added(each), edit, name, by, id, event_time_ms) for each in edit.add]


def _entry(added: Added, edit: Edit, name: str, by: str, id: str, event_time_ms: int) -> Entry:
    value = check_value(added.value, f"{WHERE}: add")
    reason = check_reason(added.reason or edit.reason, f"{WHERE}: reason")
    expires = None if added.expires is None else _end_ms(added.expires)
    if expires is not None and expires <= event_time_ms:
        expected = f"a time after that of the newest event, {event_time_ms} ms"
        raise Refusal("end in the past", where=f"{WHERE}: expires", expected=expected, got=expires)
    return Entry(name, value, expires, reason, by, API, id)


def _end_ms(given: int | datetime.datetime) -> int:
    if isinstance(given, datetime.datetime):
        if given.tzinfo is None:
            raise Refusal("time without a zone", where=f"{WHERE}: expires", expected=_TIME, got=given.isoformat())
        given = (given - _EPOCH) // datetime.timedelta(milliseconds=1)
    if not 0 < given <= LAST_TIME_MS:
        raise Refusal("bad time", where=f"{WHERE}: expires", expected=f"{_TIME}, from 1 to {LAST_TIME_MS}", got=given)
    return given
