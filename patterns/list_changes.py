"""Computes which records turn a list into what somebody wants: only the differences.

Each function yields one step for each entry that it looks at, None where nothing is to be written, so that the caller can pause at any
step while it walks through a million entries.
"""

from collections.abc import Collection, Iterator, Sequence

from foundation.refusal import Refusal
from patterns.entries import FOLDER, Change, Entry
from patterns.entry_lists import EntryList, EntryLists
from patterns.list_text import ENTRIES_MAX

Steps = Iterator[Change | None]

ENTRIES_IN_ALL_MAX = 2_000_000
"""The maximum number of entries of all lists together: each process of the API holds them in memory."""


def edited(found: EntryList, name: str, add: Sequence[Entry], remove: Sequence[str]) -> Steps:
    """Yields the changes that remove the values `remove` from `found`, the list `name`, and add the entries `add`.

    A value that is in both stays on the list. An existing entry changes if its end differs, or if a reason is given and differs.
    """
    wanted = {entry.value: entry for entry in add}
    for value in dict.fromkeys(remove):
        yield Change(name, value, None) if value not in wanted and found.get(value) is not None else None
    for entry in wanted.values():
        there = found.get(entry.value)
        is_so = there is not None and there.expires == entry.expires and entry.reason in ("", there.reason)
        yield None if is_so else Change(name, entry.value, entry)


def replaced(found: EntryList, like: Entry, values: Collection[str]) -> Steps:
    """Yields the changes after which `found` holds exactly `values`, without ends. Entries that are so already stay as they are.

    Args:
        like: what new entries are like but for their value.
    """
    for entry in found.after():
        yield Change(like.list, entry.value, None) if entry.value not in values else None
    for value in values:
        there = found.get(value)
        yield None if there is not None and there.expires is None else _change(like, value)


def pushed(found: EntryList, like: Entry, values: Collection[str]) -> Steps:
    """Yields the changes after which the folder's entries of `found` are exactly `values`. Entries from elsewhere stay.

    Args:
        like: what new entries are like but for their value.
    """
    for entry in found.after():
        yield Change(like.list, entry.value, None) if entry.source == FOLDER and entry.value not in values else None
    for value in values:
        there = found.get(value)
        is_so = there is not None and there.source == FOLDER and there.expires is None
        yield None if is_so else _change(like, value)


def emptied(found: EntryList, name: str) -> Steps:
    """Yields the changes that remove all entries of `found`, the list `name`."""
    for entry in found.after():
        yield Change(name, entry.value, None)


def carried_over(found: EntryList, like: Entry, values: Collection[str]) -> Steps:
    """Yields additions of those `values`, once held by a release, that `found` does not have yet."""
    for value in values:
        yield None if found.get(value) is not None else _change(like, value)


def check_room(lists: EntryLists, name: str, more: int) -> None:
    """Accepts a change that adds `more` entries to the list `name` if there is room for them.

    Raises:
        Refusal: the list, or all lists together, would exceed the maximum number of entries.
    """
    found = lists.get(name)
    for what, there, most in (("of one list", len(found), ENTRIES_MAX), ("of all lists", lists.count, ENTRIES_IN_ALL_MAX)):
        if more > 0 and there + more > most:
            expected = f"at most {most} entries {what}"
            raise Refusal("too many entries", where=f"list {name}", expected=expected, got=there + more, remedy="remove entries first")


def _change(like: Entry, value: str) -> Change:
    return Change(like.list, value, Entry(like.list, value, like.expires, like.reason, like.by, like.source, like.id))
