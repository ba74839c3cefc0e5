"""Finds the releases that watched rules since their texts are what they are."""

from collections.abc import Collection, Iterable, Mapping

from patterns.language.rule_folder import extended_by
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, WATCHED, Standings, read_manifest
from stores.registry import Registry, StoredRelease

LOOKED_AT = 2_000
"""Rules are followed back over so many releases."""
_READ_AT_ONCE = 20


def watching(
    registry: Registry, texts: Mapping[str, str], hashes: Mapping[str, str], ids: Collection[str], named: Collection[int]
) -> dict[str, frozenset[int]]:
    """Returns for each rule those of the releases `named` that evaluated it, of the newest in a row in which its texts are those in force.

    A rule's texts are its own and that of the rule that it extends. However many rules are asked for, each release is read once.

    Args:
        texts, hashes: of the parts in force.
        named: the only releases that count; none before the first of them is read.
    """
    same = {id: _texts_of(id, texts, hashes) for id in ids}
    found: dict[str, set[int]] = {id: set() for id in ids}
    manifests: dict[str, Standings] = {}
    for release in _back_to(registry, min(named, default=None)):
        same = {id: own for id, own in same.items() if own.items() <= release.parts.items()}
        if not same:
            break
        if release.id in named:
            standings = _standings(registry, release.parts.get(MANIFEST, ""), manifests)
            for id in same:
                if id in standings and standings[id].status in WATCHED:
                    found[id].add(release.id)
    return {id: frozenset(releases) for id, releases in found.items()}


def _texts_of(id: str, texts: Mapping[str, str], hashes: Mapping[str, str]) -> dict[str, str]:
    """The hashes of the rule's texts, by part."""
    part = PATTERN_PREFIX + id
    return {each: hashes[each] for each in (part, PATTERN_PREFIX + extended_by(id, texts[part])) if each in hashes}


def _back_to(registry: Registry, least: int | None) -> Iterable[StoredRelease]:
    """The newest releases, the newest first, down to that with the id `least`; none if that is None."""
    before = None
    for _ in range(0 if least is None else LOOKED_AT // _READ_AT_ONCE):
        page = registry.releases(_READ_AT_ONCE, before)
        for release in page:
            if least is not None and release.id < least:
                return
            yield release
        if len(page) < _READ_AT_ONCE:
            return
        before = page[-1].id


def _standings(registry: Registry, manifest: str, known: dict[str, Standings]) -> Standings:
    """What the rules of a release may do, by the hash of its manifest; one that was read stands in `known`."""
    if manifest not in known:
        known[manifest] = read_manifest(registry.text(manifest) or "{}")
    return known[manifest]
