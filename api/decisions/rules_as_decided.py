"""The rules as the releases have them that decided: read once, and kept for the next event that is explained."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from api.definitions.in_force import InForce
from api.http.problem import Problem
from api.patterns.rules_in_force import part_of_rule
from patterns.language.pattern import Pattern
from patterns.language.rule_folder import extended_by
from patterns.language.scope import Scope
from patterns.lifecycle.manifest import MANIFEST, read_manifest
from pipeline.engine.definitions.part_names import PARTS
from pipeline.trial.rules_read import read_rule, scope_of
from stores.registry import Registry

RULES_KEPT = 64
"""So many read rules are kept, those that were asked for last. Reading one costs about 0.1 s, most of it for features and models."""


class RuleAsDecided(NamedTuple):
    """A rule that is explained.

    Args:
        pattern: the rule.
        scope: what it is compiled over.
        release: that has it.
        status: what it might do there.
        note: a sentence where this is not the release that decided; else ''.
    """

    pattern: Pattern
    scope: Scope
    release: int
    status: str
    note: str


class RulesAsDecided:
    """Finds a rule in the release that decided, or in the one in force where that had no such rule.

    Args:
        registry: of releases.
        in_force: the release in force.
    """

    def __init__(self, registry: Registry, in_force: InForce) -> None:
        self._registry = registry
        self._in_force = in_force
        self._read_by_release = lru_cache(RULES_KEPT)(self._read)

    def get(self, release: int, id: str) -> RuleAsDecided:
        """The rule `id` for an event that `release` decided. It blocks.

        Raises:
            Problem: 404, neither that release nor the one in force has such a rule.
            Refusal: the text does not compile with this version of the program.
            StoreUnavailableError: a store does not answer.
        """
        try:
            return self._read_by_release(release, id)
        except _UnknownRuleError:  # which is not kept: the registry may know the release later
            return self._read_in_force(release, id)

    def _read(self, release: int, id: str) -> RuleAsDecided:
        texts = self._texts_of(release, id)
        standing = read_manifest(texts.get(MANIFEST, "{}")).get(id)
        return RuleAsDecided(read_rule(texts, id), scope_of(texts), release, standing.status if standing is not None else "", "")

    def _texts_of(self, release: int, id: str) -> Mapping[str, str]:
        """The rule and all that it is compiled over.

        Raises:
            _UnknownRuleError: the release is not known, or has no such rule.
        """
        stored = self._registry.get(release)
        part = part_of_rule(id)
        if stored is None or part not in stored.parts:
            raise _UnknownRuleError
        wanted = [part, *PARTS, *(each for each in stored.parts if each.startswith("list:")), MANIFEST]
        found = {each: self._registry.text(stored.parts[each]) for each in wanted if each in stored.parts}
        texts = {each: text for each, text in found.items() if text is not None}
        if part not in texts:
            raise _UnknownRuleError
        extended = extended_by(id, texts[part])
        if extended and (parent := part_of_rule(extended)) in stored.parts:
            texts[parent] = self._registry.text(stored.parts[parent]) or ""
        return texts

    def _read_in_force(self, decided_by: int, id: str) -> RuleAsDecided:
        release, _ = self._in_force.require()
        texts = self._in_force.texts
        standing = read_manifest(texts.get(MANIFEST, "{}")).get(id)
        if standing is None:
            raise Problem(404, f"neither release {decided_by}, which decided, nor the one in force has a rule {id[:80]}")
        note = f"Release {decided_by}, which decided, had no such rule: this is what the text in force says of the event."
        return RuleAsDecided(read_rule(texts, id), scope_of(texts), release.id, standing.status, note)


class _UnknownRuleError(Exception):
    """A release is not known, or has no such rule."""
