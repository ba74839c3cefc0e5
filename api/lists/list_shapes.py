"""The shapes of answers about lists and their entries."""

import msgspec


class ListInForce(msgspec.Struct):
    """A list in force, and how many values on it have not expired; `version` is the value of its ETag."""

    name: str
    version: int
    entries: int


class Lists(msgspec.Struct):
    """The lists that the release in force declares, in the order of their names."""

    release: int
    lists: list[ListInForce]


class ListedEntry(msgspec.Struct):
    """A value on a list. It counts for events before `expires` (event time in ms since the epoch, exclusive), or for ever when null.

    `source` says what put it there: folder, api or release. Entries that one request wrote share an `id`.
    """

    value: str
    expires: int | None
    reason: str
    by: str
    source: str
    id: str


class ListPage(msgspec.Struct):
    """Entries in the order of their values; `next` is the cursor of the page after them, null at the end."""

    name: str
    version: int
    entries: list[ListedEntry]
    next: str | None


class ListChanged(msgspec.Struct):
    """How many values a change added to a list, removed from it, and gave another expiry or reason; `version` is its new ETag.

    `changed` is false when the list already was as asked; `release` is the release in force.
    """

    name: str
    version: int
    changed: bool
    added: int
    removed: int
    updated: int
    release: int = 0
