"""What is written so that a list becomes what somebody wants: the differences, and nothing where there are none.

Each function gives a step for each entry that it looks at, None where nothing is to be written: whoever goes through a million of them
can pause at any one.
"""

from collections.abc import Collection, Iterator, Sequence

from foundation.refusal import Refusal
from patterns.entries import FOLDER, Change, Entry
from patterns.entry_lists import EntryList, EntryLists
from patterns.list_text import ENTRIES_MAX

Steps = Iterator[Change | None]

ENTRIES_IN_ALL_MAX = 2_000_000
"""Of all lists: each process of the API holds them in memory."""


def edited(found: EntryList, name: str, add: Sequence[Entry], remove: Sequence[str]) -> Steps:
    """`found`, the list `name`, without the values `remove` and with the entries `add`; a value that is in both is there afterwards.

    An entry that is there changes where its end is another, or where a reason is given and is another.
    """
    wanted = {entry.value: entry for entry in add}
    for value in dict.fromkeys(remove):
        yield Change(name, value, None) if value not in wanted and found.get(value) is not None else None
    for entry in wanted.values():
        there = found.get(entry.value)
        is_so = there is not None and there.expires == entry.expires and entry.reason in ("", there.reason)
        yield None if is_so else Change(name, entry.value, entry)


def replaced(found: EntryList, like: Entry, values: Collection[str]) -> Steps:
    """`found` with `values` and no others, none of them with an end. Entries that are so already stay as they are.

    Args:
        like: what new entries are like but for their value.
    """
    for entry in found.after():
        yield Change(like.list, entry.value, None) if entry.value not in values else None
    for value in values:
        there = found.get(value)
        yield None if there is not None and there.expires is None else _change(like, value)


def pushed(found: EntryList, like: Entry, values: Collection[str]) -> Steps:
    """`found` with each of `values` as an entry of the folder, and without other entries of the folder. What others added stays.

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
    """`found`, the list `name`, without its entries."""
    for entry in found.after():
        yield Change(name, entry.value, None)


def carried_over(found: EntryList, like: Entry, values: Collection[str]) -> Steps:
    """`values`, which a release held, where `found` has none of them yet."""
    for value in values:
        yield None if found.get(value) is not None else _change(like, value)


def check_room(lists: EntryLists, name: str, more: int) -> None:
    """Lets a change of the list `name` by which it has `more` entries than now pass when there is room for them.

    Raises:
        Refusal: the list, or all lists together, would have more entries than they may have.
    """
    found = lists.get(name)
    for what, there, most in (("of one list", len(found), ENTRIES_MAX), ("of all lists", lists.count, ENTRIES_IN_ALL_MAX)):
        if more > 0 and there + more > most:
            expected = f"at most {most} entries {what}"
            raise Refusal("too many entries", where=f"list {name}", expected=expected, got=there + more, remedy="remove others first")


def _change(like: Entry, value: str) -> Change:
    return Change(like.list, value, Entry(like.list, value, like.expires, like.reason, like.by, like.source, like.id))
