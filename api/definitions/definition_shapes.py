"""The shapes of answers to whoever stores definitions or puts them in force."""

import msgspec

from api.lists.list_shapes import ListChanged
from features.sets.catalogue import NO_DIFFERENCE, Difference
from pipeline.trial.river_cost import RiverCost


class BypassInForce(msgspec.Struct):
    """The kill switch in release `release`. `by` switched it with release `since` at `at_ms`; all three are null if it never was."""

    mode: str
    reason: str
    release: int
    since: int | None
    by: str | None
    at_ms: int | None


class Kept(msgspec.Struct):
    """A definition that was stored; `in_force` says whether the release in force has the same text."""

    hash: str
    part: str
    in_force: bool


class KeptParts(msgspec.Struct):
    """Definitions that were stored together and wait for an approver: the hash of each by part, and what they would change.

    An approver puts them in force with ``POST /v1/releases:activate`` and these `parts`. Entries of `lists` need no approver: they
    are already on their lists.
    """

    parts: dict[str, str]
    features: Difference = NO_DIFFERENCE
    warming: tuple[str, ...] = ()
    lists: dict[str, ListChanged] = {}


class Put(msgspec.Struct, omit_defaults=True):
    """The answer to a change of one part; `changed` is false when this text was in force already. Other fields are as in `Published`."""

    release: int
    hash: str
    changed: bool
    features: Difference = NO_DIFFERENCE
    warming: tuple[str, ...] = ()
    models: dict[str, RiverCost] = {}
