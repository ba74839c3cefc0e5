"""Describes the features of a release for people: what each is, where it comes from, who uses it and what it costs."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from features.definitions.definition import Definition
from features.sets.feature_set import FeatureSet
from foundation.refusal import Refusal

_FEATURE = "feature."


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Describes one feature.

    Args:
        type: number or flag; unit: unit of its values.
        entity: type of the entity whose events it is computed from.
        version: hash of its definition and of those that it depends on; another hash means that its values mean something else.
        reads: ``event.`` and ``feature.`` names that it depends on.
        used_by: what uses it, such as ``expression x`` or ``model y``.
        state_words: 64-bit cells per entity, estimated; value_words: cells for each different value within the window.
        cost_ns: estimated CPU time per event.
    """

    name: str
    template: str
    type: str
    unit: str
    description: str
    owner: str
    entity: str
    version: str
    reads: tuple[str, ...]
    used_by: tuple[str, ...]
    state_words: int
    value_words: int
    cost_ns: int
    definition: dict[str, object]


Catalogue = dict[str, Entry]
"""Entries by feature name, in the order of features.yaml."""


class Difference(msgspec.Struct, frozen=True):
    """Lists the features by which two catalogues differ: added, removed, and those with another version."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


NO_DIFFERENCE = Difference((), (), ())


def catalogue_of(features: FeatureSet, users: Mapping[str, Iterable[str]]) -> Catalogue:
    """Makes the catalogue of one release.

    Args:
        users: for everything besides expressions that uses features, such as ``model fraud_lr``, the names that it reads; names that do not
            begin with ``feature.`` are ignored.
    """
    used_by: dict[str, list[str]] = {name: [] for name in features.names}
    expressions = {f"expression {name}": definition.reads for name, definition in features.definitions.items()}
    for user, names in (expressions | dict(users)).items():
        for name in dict.fromkeys(names):
            if name.startswith(_FEATURE):
                used_by[name.removeprefix(_FEATURE)].append(user)
    return {name: _entry(features, definition, tuple(used_by[name])) for name, definition in features.definitions.items()}


def check_removal(removed: Iterable[str], users: Mapping[str, Iterable[str]], source: str = "features.yaml") -> None:
    """Checks that nothing uses the features `removed`; expressions are checked where they are compiled.

    Args:
        users: as for `catalogue_of`.

    Raises:
        Refusal: something uses one; names what.
    """
    for name in removed:
        found = [user for user, names in users.items() if _FEATURE + name in names]
        if found:
            raise Refusal(
                "feature in use",
                where=source,
                expected=f"{name}, which is used by {', '.join(found)}",
                got=f"no feature {name}",
                remedy="remove its uses first, or put both in force together",
            )


def difference(old: Catalogue, new: Catalogue) -> Difference:
    """Compares two catalogues. A feature changes with its definition or one that it depends on, not with its description."""
    return Difference(
        added=tuple(name for name in new if name not in old),
        changed=tuple(name for name, entry in new.items() if name in old and old[name].version != entry.version),
        removed=tuple(name for name in old if name not in new),
    )


def _entry(features: FeatureSet, definition: Definition, used_by: tuple[str, ...]) -> Entry:
    template = definition.template
    return Entry(
        name=definition.name,
        template=template.name,
        type=definition.recipe.type,
        unit=template.unit,
        description=definition.description,
        owner=definition.owner,
        entity=definition.kind,
        version=version_of(definition.name, features),
        reads=definition.reads,
        used_by=used_by,
        state_words=template.state_words,
        value_words=template.value_words,
        cost_ns=definition.cost_ns,
        definition=definition.written,
    )


def version_of(name: str, features: FeatureSet) -> str:
    """Returns SHA-256, in hexadecimal, of a feature's definition and of those that it depends on."""
    written = [features.written[behind] for behind in features.behind([name])]
    return hashlib.sha256(msgspec.json.encode(written, order="sorted")).hexdigest()
