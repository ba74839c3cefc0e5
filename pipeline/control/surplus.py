"""Finds what the control topic no longer needs to hold: old releases, and the definitions that only they name."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from pipeline.control.known_releases import DEFINITION, KnownReleases, release_key

RELEASES_KEPT = 64
BYTES_KEPT = 32 << 20
LEAST_KEPT = 2
"""This number of newest releases stays, however large they are: the release in force and the one before it."""


class Surplus(NamedTuple):
    """Records to write, in order, so that the control topic holds no more than the kept releases.

    Args:
        stated: (key, value) of the oldest kept release, if it does not say yet since when its entity types have profiles; that was found
            from the releases before it, which are deleted.
        gone: keys whose records are deleted; releases come first, so that none is left without its definitions.
        unnamed: hashes that no release names; they may belong to a release that is being published, and are deleted by the next call.
    """

    stated: list[tuple[str, bytes]]
    gone: list[str]
    unnamed: frozenset[str]


def surplus(known: KnownReleases, unnamed_before: Collection[str] = ()) -> Surplus:
    """Finds the records to delete so that the newest `RELEASES_KEPT` releases stay.

    Fewer stay if their definitions together have more than `BYTES_KEPT` characters, but at least `LEAST_KEPT`. A stage keeps a deleted
    release for as long as an event on its way names it, see ControlLog in Java.

    Args:
        unnamed_before: the `unnamed` of the call before.
    """
    kept = _kept(known)
    ids = known.ids()
    old = ids[: len(ids) - len(kept)]
    named = {hash for id in kept for hash in _hashes_of(known, id)}
    named_by_old = {hash for id in old for hash in _hashes_of(known, id)}
    unnamed = known.hashes() - named - named_by_old
    definitions = (named_by_old & known.hashes()) - named | (unnamed & set(unnamed_before))
    gone = [*map(release_key, old), *(DEFINITION + hash for hash in sorted(definitions))]
    return Surplus(_stated(known, kept[-1]) if old else [], gone, frozenset(unnamed))


def _kept(known: KnownReleases) -> list[int]:
    """Gives the ids of the releases that stay, newest first."""
    kept: list[int] = []
    seen: set[str] = set()
    size = 0
    for id in reversed(known.ids()):
        new = _hashes_of(known, id) - seen
        size += sum(len(known.text(hash) or "") for hash in new)
        if len(kept) >= LEAST_KEPT and (len(kept) >= RELEASES_KEPT or size > BYTES_KEPT):
            break
        kept.append(id)
        seen |= new
    return kept


def _hashes_of(known: KnownReleases, id: int) -> set[str]:
    record = known.record(id)
    return set(record.parts.values()) if record is not None else set()


def _stated(known: KnownReleases, id: int) -> list[tuple[str, bytes]]:
    record = known.record(id)
    if record is None or record.began_ms or known.get(id) is None:
        return []
    return [(release_key(id), msgspec.json.encode(msgspec.structs.replace(record, began_ms=known.beginnings(record))))]
