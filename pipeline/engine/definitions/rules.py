"""Compiles the rules of a release, each of them once for as long as what it reads stays the same."""

from collections.abc import Mapping, Sequence

from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet
from foundation.refusal import Refusal
from foundation.slices import Slices, each_of, parts_of
from patterns.language.pattern import Pattern
from patterns.language.rule_folder import extended_by, read_patterns
from patterns.language.scope import Scope
from patterns.lifecycle.manifest import Standing, pattern_texts, standings_in_slices
from patterns.matches import MATCHES_MAX, NO_RULES, RULES_MAX, Rules
from patterns.predicates.form import Forms
from patterns.rules.live_rule import LiveRule, live
from patterns.rules.rule_set import RuleSet
from pipeline.engine.definitions.compiled_parts import once_each

PATTERNS_KEPT = 4 * RULES_MAX
"""So many rules are remembered by their texts, compiled or refused: those of a few releases of the greatest size."""
RULE_SETS_KEPT = 8
FORMS_KEPT = 2
"""Compiled conditions are kept over so many latest pairs of schema and features."""
_NO_LISTS: tuple[str, ...] = ()
_Texts = tuple[tuple[str, str], ...]


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


def rules_in_slices(
    texts: Mapping[str, str],
    around: Around,
    lists: tuple[str, ...],
    rule_actions: tuple[int, ...],
    beside: Mapping[str, str] | None = None,
) -> Slices[Rules]:
    """Compiles the rules among the `texts` of a release in slices; drafts and others that are not evaluated are checked too.

    Args:
        lists: those that the release declares.
        rule_actions: see `RuleSet`.
        beside: the texts of another release, whose other rules are watched in shadow, also where their ids are the same. All matches of an
            event are named then. None: there is no other release.

    Raises:
        Refusal: there are too many rules, a rule does not compile, or the manifest does not fit them.
    """
    watched = yield from _live_of(texts, around, lists)
    named_max = MATCHES_MAX
    if beside is not None:
        named_max = 2 * RULES_MAX
        there = {(rule.pattern.id, rule.pattern.texts) for rule in watched}
        others = yield from _live_of(beside, around, lists)
        others = [rule for rule in others if (rule.pattern.id, rule.pattern.texts) not in there]
        watched = [*watched, *(LiveRule(rule.pattern, Standing(rule.standing.hash, "shadow")) for rule in others)]
    if not watched:
        return NO_RULES
    yield
    known = yield from each_of(watched, lambda rule: (rule.pattern.id, rule.pattern.texts, rule.standing.status, rule.standing.share))
    key = _Watched(watched, known), around, rule_actions, named_max
    yield
    if _rule_set_of.knows(*key):
        return _rule_set_of(*key)
    made = yield from RuleSet.in_slices(watched, around.schema, around.features, rule_actions, _forms_of(around), named_max)
    return _rule_set_of.keep(made, *key)


def _live_of(texts: Mapping[str, str], around: Around, lists: tuple[str, ...]) -> Slices[list[LiveRule]]:
    """Checks all rules of a release, and returns those that are evaluated."""
    rules = pattern_texts(texts)
    if len(rules) > RULES_MAX:
        raise Refusal("too many rules", where="patterns", expected=f"at most {RULES_MAX}", got=len(rules))
    yield
    standings = yield from standings_in_slices(texts)
    found: list[LiveRule] = []
    for some in parts_of(list(rules)):
        for id in some:
            key = _key_of(id, rules, around, lists)
            if not _pattern_of.knows(*key):
                yield
            pattern = _pattern_of(*key)
            found.append(LiveRule(pattern, standings[id]))
        yield
    return live(found)


class _Watched:
    """Rules with what is `known` of each and what it may do; two are equal if the same texts may do the same."""

    def __init__(self, rules: Sequence[LiveRule], known: Sequence[object]) -> None:
        self.rules = rules
        self._key = tuple(known)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Watched) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash


def _key_of(id: str, rules: Mapping[str, str], around: Around, lists: tuple[str, ...]) -> tuple[_Texts, Around, tuple[str, ...]]:
    """Returns all that a rule is compiled of: it is compiled anew when any of it changes, and no other time."""
    chain = {id: rules[id]}
    while (extended := _extended(*next(reversed(chain.items())))) and extended in rules and extended not in chain:
        chain[extended] = rules[extended]
    asks_lists = any("list" in text for text in chain.values())
    return tuple(chain.items()), around, lists if asks_lists else _NO_LISTS


@once_each(PATTERNS_KEPT)
def _extended(id: str, text: str) -> str:
    return extended_by(id, text)


@once_each(PATTERNS_KEPT)
def _pattern_of(chain: _Texts, around: Around, lists: tuple[str, ...]) -> Pattern:
    """Compiles the first rule of `chain`, in which each extends the next one."""
    alone = len(chain) == 2 and not _extended(*chain[1])  # otherwise they extend each other, or too far, and are refused together
    extended = {chain[1][0]: _pattern_of(chain[1:], around, lists)} if alone else {}
    return read_patterns(dict(chain), _scope_of(around, lists), known=extended).whole()[chain[0][0]]


@once_each(RULE_SETS_KEPT)
def _scope_of(around: Around, lists: tuple[str, ...]) -> Scope:
    return Scope(around.schema, around.features, around.models, frozenset(lists))


@once_each(RULE_SETS_KEPT)
def _rule_set_of(watched: _Watched, around: Around, rule_actions: tuple[int, ...], named_max: int) -> RuleSet:
    return RuleSet.compile(watched.rules, around.schema, around.features, rule_actions, _forms_of(around), named_max)


@once_each(FORMS_KEPT)
def _forms_of(around: Around) -> Forms:
    return Forms()
