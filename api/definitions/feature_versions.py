"""The history of a feature: its version in one release after another."""

import difflib
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from api.http.problem import Problem
from features.definitions.definition import Definition
from features.schema.schema import read_schema
from features.sets.catalogue import version_of
from features.sets.feature_set import FeatureSet, read_features
from foundation.refusal import Refusal
from stores.registry import Registry, StoredRelease

RELEASES_MAX = 1_000


class FeatureVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A feature as it is from one release on.

    Args:
        version: the hash of its definition and of those that it depends on; null if the release removed it.
        release: the first release with this version.
        at_ms: when that release was made, in ms since the epoch.
        by: who made that release.
        owner: the owner that the definition names.
        description: the description in the definition.
        definition: the definition as it was written; null if the release removed it.
    """

    version: str | None
    release: int
    at_ms: int
    by: str
    owner: str
    description: str
    definition: dict[str, object] | None


def feature_versions(registry: Registry, name: str) -> list[FeatureVersion]:
    """All versions of a feature in the newest `RELEASES_MAX` releases, newest first.

    Each features.yaml that was not read before costs a few milliseconds.

    Raises:
        Problem: 404, no release has such a feature; the problem names the nearest name.
    """
    versions: list[FeatureVersion] = []
    names: set[str] = set()
    for release in _releases(registry):
        features = _features(registry, release)
        if features is None:
            continue
        names.update(features.names)
        version = version_of(name, features) if name in features.definitions else None
        if version != (versions[-1].version if versions else None):
            versions.append(_version(release, features.definitions.get(name), version))
    if not versions:
        near = difflib.get_close_matches(name, names, n=1)
        raise Problem(404, f"no release has a feature with the name {name[:80]}" + (f"; did you mean {near[0]}?" if near else ""))
    return versions[::-1]


def _version(release: StoredRelease, definition: Definition | None, version: str | None) -> FeatureVersion:
    about = (definition.owner, definition.description, definition.written) if definition else ("", "", None)
    owner, description, written = about
    return FeatureVersion(
        version=version, release=release.id, at_ms=release.at_ms, by=release.by, owner=owner, description=description, definition=written
    )


def _releases(registry: Registry) -> Iterator[StoredRelease]:
    newest = registry.newest()
    for id in range(max(1, newest.id - RELEASES_MAX + 1), newest.id + 1) if newest else ():
        release = registry.get(id)
        if release is not None:
            yield release


def _features(registry: Registry, release: StoredRelease) -> FeatureSet | None:
    """The features of `release`; None if a text is missing, or an older version of this program accepted it and this one does not."""
    texts = [registry.text(release.parts[part]) for part in ("schema", "features")]
    return _compiled(*texts) if None not in texts else None


@lru_cache(maxsize=256)
def _compiled(schema: str, features: str) -> FeatureSet | None:
    try:
        return read_features(features, read_schema(schema, "schema.yaml"), "features.yaml")
    except Refusal:
        return None
