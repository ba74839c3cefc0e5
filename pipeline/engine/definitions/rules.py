"""Compiles the rules of a release, each of them once for as long as what it reads stays the same."""

from collections.abc import Mapping, Sequence

from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet
from foundation.refusal import Refusal
from patterns.language.pattern import Pattern
from patterns.matches import NO_RULES, RULES_MAX, Rules
from patterns.predicates.form import Forms
from patterns.rules.manifest import pattern_texts, standings_of
from patterns.rules.plain_reader import read_plain
from patterns.rules.rule_set import LiveRule, RuleSet, live
from pipeline.engine.definitions.compiled_parts import once_each

PATTERNS_KEPT = 4 * RULES_MAX
"""So many rules are remembered by their texts, compiled or refused: those of a few releases of the greatest size."""
RULE_SETS_KEPT = 8
FORMS_KEPT = 2
"""Compiled conditions are kept over so many latest pairs of schema and features."""


class Around:
    """Holds what rules are compiled over. Two are equal if they were made of the same texts.

    Args:
        texts: those of schema and features.
        models: the names of models.
    """

    def __init__(self, texts: tuple[str, str], schema: Schema, features: FeatureSet, models: tuple[str, ...]) -> None:
        self.schema = schema
        self.features = features
        self.models = models
        self._key = (*texts, models)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Around) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash


def rules_of(texts: Mapping[str, str], around: Around, lists: Sequence[str], rule_actions: tuple[int, ...]) -> Rules:
    """Compiles the rules among the `texts` of a release; drafts and others that are not evaluated are checked too.

    Args:
        lists: those that the release declares.
        rule_actions: see `RuleSet`.

    Raises:
        Refusal: there are too many rules, a rule does not compile or asks an unknown list, or the manifest does not fit them.
    """
    rules = pattern_texts(texts)
    if len(rules) > RULES_MAX:
        raise Refusal("too many rules", where="patterns", expected=f"at most {RULES_MAX}", got=len(rules))
    standings = standings_of(texts)
    if not rules:
        return NO_RULES
    patterns = [_pattern_of(id, text, around) for id, text in rules.items()]
    for pattern in patterns:
        _check_lists(pattern, lists)
    watched = live([LiveRule(pattern, standings[pattern.id]) for pattern in patterns])
    return _rule_set_of(_Watched(watched), around, rule_actions) if watched else NO_RULES


class _Watched:
    """Rules with what they may do; two are equal if the same texts may do the same."""

    def __init__(self, rules: Sequence[LiveRule]) -> None:
        self.rules = rules
        self._key = tuple((rule.pattern.id, rule.pattern.version, rule.standing.status, rule.standing.share) for rule in rules)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Watched) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash


@once_each(PATTERNS_KEPT)
def _pattern_of(id: str, text: str, around: Around) -> Pattern:
    return read_plain(id, text, around.schema, around.features, around.models)


@once_each(RULE_SETS_KEPT)
def _rule_set_of(watched: _Watched, around: Around, rule_actions: tuple[int, ...]) -> RuleSet:
    return RuleSet(watched.rules, around.schema, around.features.names, rule_actions, _forms_of(around))


@once_each(FORMS_KEPT)
def _forms_of(around: Around) -> Forms:
    return Forms()


def _check_lists(pattern: Pattern, lists: Sequence[str]) -> None:
    conditions = [] if pattern.when is None else [pattern.when]
    for condition in (*conditions, *(exception.when for exception in pattern.exceptions)):
        for name in sorted(condition.lists.difference(lists)):
            raise Refusal(
                "unknown list",
                where=condition.place.at(1, 1),
                expected="one of " + (", ".join(lists) or "the release's lists: none"),
                got=f"list.{name}",
                remedy=f"declare it: lists/{name}.txt in the folder, or PUT /v1/lists/{name}",
            )
