"""The features of a release for people: what each is, where it comes from, who uses it and what it costs."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from features.definitions.definition import Definition
from features.sets.feature_set import FeatureSet
from foundation.refusal import Refusal

_FEATURE = "feature."


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One feature.

    Args:
        type: number or flag; unit: what it is measured in.
        entity: of whose events it is made.
        version: hash of its definition and of those behind it; another one means that its values mean something else.
        reads: ``event.`` and ``feature.`` names.
        used_by: ``expression x``, ``model y`` and so on.
        state_words: 64-bit words an entity, roughly; value_words: for each different value within the window.
        cost_ns: an event, roughly.
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
"""Entries by name, in the order of features.yaml."""


class Difference(msgspec.Struct, frozen=True):
    """Names that one catalogue has and another has not, or has with another version."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


NO_DIFFERENCE = Difference((), (), ())


def catalogue_of(features: FeatureSet, users: Mapping[str, Iterable[str]]) -> Catalogue:
    """The catalogue of one release.

    Args:
        users: what uses features besides expressions, such as ``model fraud_lr``, with the names that it reads; those that
            do not begin with ``feature.`` are passed over.
    """
    used_by: dict[str, list[str]] = {name: [] for name in features.names}
    expressions = {f"expression {name}": definition.reads for name, definition in features.definitions.items()}
    for user, names in (expressions | dict(users)).items():
        for name in dict.fromkeys(names):
            if name.startswith(_FEATURE):
                used_by[name.removeprefix(_FEATURE)].append(user)
    return {name: _entry(features, definition, tuple(used_by[name])) for name, definition in features.definitions.items()}


def check_removal(removed: Iterable[str], users: Mapping[str, Iterable[str]], source: str = "features.yaml") -> None:
    """Makes sure that nobody uses the features `removed`; expressions are refused where they stand.

    Args:
        users: as for `catalogue_of`.

    Raises:
        Refusal: somebody does; it says who.
    """
    for name in removed:
        found = [user for user, names in users.items() if _FEATURE + name in names]
        if found:
            raise Refusal(
                "feature in use",
                where=source,
                expected=f"{name}, which is used by {', '.join(found)}",
                got=f"no feature {name}",
                remedy="take it out there first, or put both in force together",
            )


def difference(old: Catalogue, new: Catalogue) -> Difference:
    """What `new` has otherwise than `old`. A feature is changed when its definition is, or one behind it; what is said to people is not."""
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
    """SHA-256, in hexadecimal, of a feature's definition and of those behind it."""
    written = [features.written[behind] for behind in features.behind([name])]
    return hashlib.sha256(msgspec.json.encode(written, order="sorted")).hexdigest()
