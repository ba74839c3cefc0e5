"""Knows in which earlier releases a model, or a number that models read, was what it is now."""

from collections.abc import Mapping, Set

from foundation.refusal import Refusal
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release, models_of
from stores.registry import Registry

_DEFINING = ("schema", "features", "models")
_NUMBERS = ("schema", "features")


class Unchanged:
    """Asks the registry, which blocks, and remembers what it compiled."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._definitions: dict[tuple[str, ...], dict[str, str]] = {}

    def models(self, release: Release, ids: Set[int]) -> dict[str, frozenset[int]]:
        """By model of `release`, those of the releases `ids` in which it is the same.

        Raises:
            StoreUnavailableError: the registry does not answer.
        """
        here = {model.name: model.definition for model in release.models}
        there = {id: here if id == release.id else self._definitions_of(id) for id in ids}
        return {name: frozenset(id for id, found in there.items() if found.get(name) == own) for name, own in here.items()}

    def numbers(self, release: Release, ids: Set[int], models: Mapping[str, frozenset[int]]) -> dict[str, frozenset[int]]:
        """By number that a model of `release` reads, those of the releases `ids` in which it is the same.

        It is in releases with the same texts of schema and features, and in those with the same model that reads it, whose definition
        includes its inputs'.

        Args:
            models: what `models` returned for `ids`.

        Raises:
            StoreUnavailableError: the registry does not answer.
        """
        own = self._parts(release.id, _NUMBERS)
        same = frozenset(id for id in ids if id == release.id or (own and self._parts(id, _NUMBERS) == own))
        found: dict[str, frozenset[int]] = {}
        for model in release.models:
            for name in _numbers_of(model):
                found[name] = found.get(name, same) | models[model.name]
        return found

    def _parts(self, id: int, names: tuple[str, ...]) -> tuple[str, ...]:
        """The hashes of these parts; none where the release is gone or lacks one."""
        stored = self._registry.get(id)
        if stored is None or any(part not in stored.parts for part in names):
            return ()
        return tuple(stored.parts[part] for part in names)

    def _definitions_of(self, id: int) -> dict[str, str]:
        key = self._parts(id, _DEFINING)
        if key and key not in self._definitions:
            self._definitions[key] = self._compiled(key)
        return self._definitions.get(key, {})

    def _compiled(self, key: tuple[str, ...]) -> dict[str, str]:
        texts = [self._registry.text(hash) for hash in key]
        try:
            schema, features, models = (text or "" for text in texts)
            return {model.name: model.definition for model in models_of(models, features, schema)}
        except Refusal:  # an older version of this program accepted it
            return {}


def _numbers_of(model: Model) -> list[str]:
    """Its inputs that are numbers: no text of the event, and no score of another model."""
    return [name for name in model.inputs if not model.category and not name.startswith("model.")]
