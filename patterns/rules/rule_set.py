"""The compiled rules of a release: which of them match which events of a batch, and what becomes of the matches."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.expressions.functions.column import Column
from features.profiles.sections import Section
from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet
from foundation.number_arrays import Float64s
from foundation.slices import Slices, completed, each_of, parts_of
from patterns.findings import Findings, found_by
from patterns.language.pattern import Pattern
from patterns.matches import MATCHES_MAX, Hidden, Matches, Rule, Sight, no_matches
from patterns.predicates.form import Forms
from patterns.rules.keyed.all_sequences import AllSequences
from patterns.rules.keyed.entity_rules import key_rules_of
from patterns.rules.keyed.rule_absences import TellingRule
from patterns.rules.keyed.rule_sequences import MatchedRules, SequenceWords
from patterns.rules.keyed.rule_thresholds import RuleThresholds
from patterns.rules.live_rule import LiveRule, by_weight, said_of
from patterns.rules.matched_pairs import MatchedPairs, pairs_of_events
from patterns.rules.rule_actions import RuleActions
from patterns.rules.rule_conditions import NEVER_MS, RuleConditions
from patterns.rules.values.names_read import lists_read, names_read, names_read_or_learned
from patterns.rules.values.own_names import labels_of, with_own_names
from patterns.rules.values.sight_values import ValueSource
from patterns.rules.values.wording import BatchWords, Wordings
from patterns.thresholds.threshold import Asked, Threshold

ALWAYS_MS = np.iinfo(np.int64).min
_EVENT_NS = 60.0


class RuleSet:
    """Holds rules in the order of their weight: those that act before those in shadow, then by severity, then by id.

    Args:
        rules: those that are evaluated; see `live`.
        schema: of the events.
        features: those of the release.
        rule_actions: the codes of the actions by which rules may decide, the one that counts before the others first.
        forms: keeps what was compiled before.
        named_max: the maximum number of matches of an event that are named.

    Attributes:
        rules: in that order.
        of_entities: the sequences and thresholds whose key is no user, by kind of entity.
        waiting: those that end with an absence, by kind of entity, users included.
        errors, skips: [rules] at how many events each rule erred, and at how many it was skipped because a value was missing.
    """

    def __init__(self, rules: Sequence[LiveRule], named_max: int) -> None:
        self.rules = rules
        self._named_max = named_max

    @classmethod
    def compile(
        cls,
        rules: Sequence[LiveRule],
        schema: Schema,
        features: FeatureSet,
        rule_actions: Sequence[int],
        forms: Forms | None = None,
        named_max: int = MATCHES_MAX,
    ) -> "RuleSet":
        """Compiles rules; the arguments are those of the class."""
        return completed(cls.in_slices(rules, schema, features, rule_actions, Forms() if forms is None else forms, named_max))

    @classmethod
    def in_slices(
        cls, rules: Sequence[LiveRule], schema: Schema, features: FeatureSet, rule_actions: Sequence[int], forms: Forms, named_max: int
    ) -> Slices["RuleSet"]:
        """Compiles rules in slices, see `foundation.slices`; the arguments are those of the class."""
        ordered = yield from by_weight(rules)
        made = cls(ordered, named_max)
        yield from made._compile(schema, features, rule_actions, forms)
        return made

    def _compile(self, schema: Schema, features: FeatureSet, rule_actions: Sequence[int], forms: Forms) -> Slices[None]:
        written = [rule.pattern for rule in self.rules]
        yield
        labels = labels_of(written)
        yield
        patterns = yield from each_of(list(zip(written, labels, strict=True)), lambda own: with_own_names(*own))
        yield from self._compile_effects(patterns, rule_actions)
        self._wordings = Wordings(patterns)
        self._thresholds = RuleThresholds(dict(zip(labels, patterns, strict=True)), schema, features)
        yield
        yield from self._compile_sequences(patterns, schema, features)
        apart = yield from each_of(patterns, self._sequences.is_apart)
        self._conditions = yield from RuleConditions.in_slices(patterns, apart, self._sequences.conditions, forms)
        self.errors, self.skips = self._conditions.errors, self._conditions.skips
        yield
        names = yield from _all_names(patterns)
        self._columns = ValueSource((*names, *self._sequences.captured), schema, features.names)
        yield
        lists = yield from each_of(written, lists_read)
        self.lists: frozenset[str] = frozenset().union(*set(lists))
        yield
        units = yield from each_of(written, lambda pattern: pattern.cost.units)
        self.cost_ns = _EVENT_NS + float(sum(units))

    def _compile_effects(self, patterns: Sequence[Pattern], rule_actions: Sequence[int]) -> Slices[None]:
        """Reads what matches say and ask for, for whom, and when."""
        said = yield from each_of(patterns, said_of)
        self.each: tuple[Rule, ...] = tuple(said)
        shares = yield from each_of(self.rules, lambda rule: rule.acting_share)
        self._shares = np.array(shares)
        self._actions = yield from RuleActions.in_slices(self.each, rule_actions)
        self._from_ms = np.array([ALWAYS_MS if p.effective.from_ms is None else p.effective.from_ms for p in patterns], np.int64)
        yield
        self._to_ms = np.array([NEVER_MS if p.effective.to_ms is None else p.effective.to_ms for p in patterns], np.int64)
        yield

    def _compile_sequences(self, patterns: Sequence[Pattern], schema: Schema, features: FeatureSet) -> Slices[None]:
        telling = yield from each_of(
            list(zip(patterns, self.each, self.rules, strict=True)),
            lambda own: TellingRule(own[0], own[1].version, own[2].standing.status, own[2].acting_share),
        )
        yield
        self.of_entities = key_rules_of(telling, self._wordings, schema, features, self._thresholds)
        yield
        self._sequences = AllSequences(telling, self._wordings, self.of_entities, schema)
        self.waiting = self._sequences.waiting
        yield

    def sections_of(self, kind: str) -> tuple[Section, ...]:
        """See `patterns.matches.Rules`."""
        return (*self._sequences.sections_of(kind), *self._thresholds.sections_of(kind))

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """See `patterns.matches.Rules`."""
        return self._thresholds.each

    def ask_thresholds(self, sight: Sight) -> list[Asked]:
        """See `patterns.matches.Rules`."""
        return self._thresholds.ask(sight)

    @property
    def reads(self) -> dict[str, tuple[str, ...]]:
        """What each rule reads, by its id."""
        return {rule.pattern.id: names_read_or_learned(rule.pattern) for rule in self.rules}

    def find_many(self, sight: Sight) -> Matches:
        """Looks at every event of `sight`; see `patterns.matches.Rules`."""
        n = len(sight.batch)
        columns = self._columns.over(sight)
        fired = self._conditions.find_many(columns, n)
        matched = self._sequences.take(sight, columns, fired.apart_events, fired.apart)
        if matched is None and not self._conditions.any_of_rules(fired):
            return no_matches(n)
        pairs = self._counting(self._conditions.matching(fired, matched), sight)
        pairs, hidden = self._conditions.without_hidden(pairs, fired, sight.batch.times_ms)
        if not len(pairs.events):
            return no_matches(n)._replace(hidden=hidden)
        return self._named(pairs, hidden, matched, sight, columns)

    @property
    def sequence_names(self) -> dict[str, str]:
        """By the id of each rule with a sequence, the name of what profiles keep of it."""
        found: dict[str, str] = {}
        for own in self._sequences.each:
            for section, rules in zip(own.sections, own.rules_of, strict=False):
                found |= {self.each[rule].pattern: section.name for rule in rules.tolist()}
        return found

    def _counting(self, pairs: MatchedPairs, sight: Sight) -> MatchedPairs:
        """Returns the pairs of events that get a decision, at a time at which the rule is effective."""
        times_ms = sight.batch.times_ms[pairs.events]
        kept = sight.decided[pairs.events] & (times_ms >= self._from_ms[pairs.rules]) & (times_ms < self._to_ms[pairs.rules])
        return pairs.at(kept)

    def as_if(self, matches: Matches, shares: Float64s, users: Sequence[str]) -> Matches:
        """Returns the `matches` that this set found as they would count if its rules acted for other shares of the entities.

        The order of the matches of one event stays as it is, so the first need not be the one that decides.

        Args:
            matches: in which all matches are named, see `named_max`.
            shares: [rules] for which share of the entities each acts, 0 for a rule in shadow; below 0 for one that is not there.
            users: of the n events.
        """
        there = shares[matches.rules] >= 0.0
        pairs = pairs_of_events(matches.events[there], matches.rules[there])
        asks = self._actions.asked(pairs, users, shares)
        hidden = Hidden(*(column[shares[matches.hidden.rules] >= 0.0] for column in matches.hidden))
        counts = np.bincount(pairs.events, minlength=len(users))
        return Matches(pairs.events, pairs.rules, asks.shadows, matches.found.at(there), counts, asks.wanted, asks.adjusts, hidden)

    def _named(
        self, pairs: MatchedPairs, hidden: Hidden, matched: MatchedRules | None, sight: Sight, columns: Mapping[str, Column]
    ) -> Matches:
        """Orders the matches of each event, and words those that are named."""
        asks = self._actions.asked(pairs, sight.batch.users, self._shares)
        beside = asks.shadows | ~self._actions.decides(pairs, asks.wanted)
        order = np.lexsort((pairs.rules, asks.shadows, beside, pairs.events))
        pairs, shadows = pairs.at(order), asks.shadows[order]
        places = np.arange(len(order)) - np.searchsorted(pairs.events, pairs.events, side="left")
        named = places < self._named_max
        counts = np.bincount(pairs.events, minlength=len(sight.batch))
        pairs, shadows = pairs.at(named), shadows[named]
        found = self._found(pairs, matched, columns, len(sight.batch))
        return Matches(pairs.events, pairs.rules, shadows, found, counts, asks.wanted, asks.adjusts, hidden)

    def _found(self, pairs: MatchedPairs, matched: MatchedRules | None, columns: Mapping[str, Column], n: int) -> Findings:
        words = BatchWords(self._wordings, pairs.events, pairs.rules, columns, n)
        if matched is None:
            return found_by(words, len(pairs.events))
        of_sequences = pairs.matches >= 0
        places = np.where(of_sequences, pairs.matches, np.arange(len(pairs.matches)))
        return Findings((words, SequenceWords(matched, self._wordings, columns, n)), of_sequences.astype(np.int64), places)


def _all_names(patterns: Sequence[Pattern]) -> Slices[dict[str, None]]:
    """Returns the names that rules read, each once, in the order in which they are first read."""
    read = yield from each_of(patterns, names_read)
    names: dict[str, None] = {}
    for some in parts_of(read):
        names.update(dict.fromkeys(name for own in some for name in own))
        yield
    return names
