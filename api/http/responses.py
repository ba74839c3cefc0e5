"""Answers that the API gives and its client reads."""

import msgspec

from features.sets.catalogue import NO_DIFFERENCE, Difference


class Included(msgspec.Struct, frozen=True):
    """How far along a partition of the topic of decisions an answer is."""

    partition: int
    offset: int


class Score(msgspec.Struct):
    """The latest score of an entity, of the event of `user` at `event_time` (ms), `age_ms` ago; None when no model gave one.

    `includes` is where its decision stands in the topic of decisions; None for one kept before that was noted.
    """

    entity: str
    id: str
    score: float | None
    action: str
    event_id: str
    event_time: int
    age_ms: int
    release: int
    includes: Included | None = None
    user: str = ""


class ListInForce(msgspec.Struct):
    """A list in force, and how many values count as being on it; `version` is what its ETag holds."""

    name: str
    version: int
    entries: int


class Lists(msgspec.Struct):
    """The lists that the release in force declares, by name."""

    release: int
    lists: list[ListInForce]


class ListedEntry(msgspec.Struct):
    """A value on a list: `expires` is the event time in ms from which on it no longer counts, null for none.

    `source` says what put it there: folder, api or release; `id` of which effect, which the entries of one request share.
    """

    value: str
    expires: int | None
    reason: str
    by: str
    source: str
    id: str


class ListPage(msgspec.Struct):
    """Entries in the order of their values, and the cursor for those after them; null at the end."""

    name: str
    version: int
    entries: list[ListedEntry]
    next: str | None


class ListChanged(msgspec.Struct):
    """How many values came to a list, left it, and got another end or reason; `version` is what its ETag holds from now on.

    `changed` is false when the list was so already; `release` is the one in force.
    """

    name: str
    version: int
    changed: bool
    added: int
    removed: int
    updated: int
    release: int = 0


class BypassInForce(msgspec.Struct):
    """The bypass of release `release`; `since` is the release that brought it, made by `by` at `at_ms`; null where none ever was."""

    mode: str
    reason: str
    release: int
    since: int | None
    by: str | None
    at_ms: int | None


class Kept(msgspec.Struct):
    """A definition that was stored, and is in force only where `in_force` says so."""

    hash: str
    part: str
    in_force: bool


class KeptParts(msgspec.Struct):
    """Definitions that were stored together and are not in force: the hash of each by part, and what would change.

    An approver puts them in force with ``POST /v1/releases:activate`` and these `parts`. Entries of `lists` need no approver: they
    are on their lists already.
    """

    parts: dict[str, str]
    features: Difference = NO_DIFFERENCE
    warming: tuple[str, ...] = ()
    lists: dict[str, ListChanged] = {}


class Put(msgspec.Struct, omit_defaults=True):
    """The answer to the change of one part; `changed` is false when the text was in force already. The rest as in `Published`."""

    release: int
    hash: str
    changed: bool
    features: Difference = NO_DIFFERENCE
    warming: tuple[str, ...] = ()
