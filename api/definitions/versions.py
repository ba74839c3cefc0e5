"""The versions of a part of a release: they are listed, read and compared."""

import difflib

import msgspec

from api.http.problem import Problem
from features.schema.schema import read_schema
from features.sets.catalogue import NO_DIFFERENCE, Difference, catalogue_of, difference
from features.sets.feature_set import FeatureSet, read_features
from foundation.refusal import Refusal
from stores.registry import Registry

RELEASES_MAX = 1_000
VERSIONS_MAX = 1_000
LINES_MAX = 5_000


class Version(msgspec.Struct, frozen=True):
    """A version of a part: who uploaded it first and when (ms since the epoch), and which of the newest releases hold it."""

    hash: str
    part: str
    by: str
    at_ms: int
    releases: list[int]


class Comparison(msgspec.Struct, omit_defaults=True):
    """The differences from the version `from_` to the version `to`.

    Args:
        diff: a unified diff of the texts.
        features: if the part is features, the names of those that were added, changed and removed.
    """

    from_: str = msgspec.field(name="from")
    to: str
    diff: str
    features: Difference = NO_DIFFERENCE


def versions_of(registry: Registry, part: str, limit: int) -> list[Version]:
    """The newest `limit` versions of `part`, newest first, with those of the newest `RELEASES_MAX` releases that hold them."""
    used: dict[str, list[int]] = {}
    for release in registry.releases(RELEASES_MAX):
        used.setdefault(release.parts.get(part, ""), []).append(release.id)
    return [
        Version(found.hash, found.part, found.by, found.at_ms, used.get(found.hash, []))
        for found in registry.definitions(part, min(limit, VERSIONS_MAX))
    ]


def version_of(registry: Registry, part: str, hash: str) -> Version:
    """The version `hash` of `part`.

    Raises:
        Problem: 404, none of the newest `VERSIONS_MAX` versions of `part` has this hash.
    """
    for version in versions_of(registry, part, VERSIONS_MAX):
        if version.hash == hash:
            return version
    raise _unknown(part, hash)


def text_of(registry: Registry, part: str, hash: str) -> str:
    """The text of the version `hash` of `part`.

    Raises:
        Problem: 404, none of the newest `VERSIONS_MAX` versions of `part` has this hash.
    """
    text = registry.text(hash) if any(found.hash == hash for found in registry.definitions(part, VERSIONS_MAX)) else None
    if text is None:
        raise _unknown(part, hash)
    return text


def compare(registry: Registry, part: str, old: str, new: str, schema: str) -> Comparison:
    """The differences from the version `old` of `part` to `new`; features are read with the text `schema`.

    Raises:
        Problem: 404, one of the versions does not exist; 422, one of them has more than `LINES_MAX` lines.
    """
    texts = text_of(registry, part, old), text_of(registry, part, new)
    lines = [text.splitlines(keepends=True) for text in texts]
    if max(map(len, lines)) > LINES_MAX:
        members = {"what": "too long", "where": part, "expected": f"at most {LINES_MAX} lines", "got": str(max(map(len, lines)))}
        raise Problem(422, f"{part}: a text is too long to be compared: expected at most {LINES_MAX} lines", members=members)
    before, after = ([line if line.endswith("\n") else line + "\n" for line in each] for each in lines)
    diff = "".join(difflib.unified_diff(before, after, fromfile=old, tofile=new))
    return Comparison(old, new, diff, _features_that_changed(*texts, schema) if part == "features" else NO_DIFFERENCE)


def _unknown(part: str, hash: str) -> Problem:
    return Problem(404, f"{part} has no version {hash[:80]}")


def _features_that_changed(old: str, new: str, schema: str) -> Difference:
    sets = [_read(text, schema) for text in (old, new)]
    if sets[0] is None or sets[1] is None:  # a text may need a schema that is no longer in force
        return NO_DIFFERENCE
    return difference(catalogue_of(sets[0], {}), catalogue_of(sets[1], {}))


def _read(text: str, schema: str) -> FeatureSet | None:
    try:
        return read_features(text, read_schema(schema, "schema.yaml"), "features.yaml")
    except Refusal:
        return None
