"""The compiled rules of a release: which of them match which events of a batch, and what becomes of the matches."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from features.expressions.functions.column import Column
from features.profiles.sections import Section
from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet
from foundation.number_arrays import Float64s, Int8s, Int64s
from patterns.absences import Waiting
from patterns.decision_order import ACTIONS
from patterns.findings import Findings, found_by
from patterns.language.pattern import SEVERITIES, Condition, Formula, Pattern
from patterns.matches import MATCHES_MAX, NOTHING_HIDDEN, Bools, Hidden, Matches, Rule, Sight, no_matches
from patterns.predicates.condition_set import ConditionSet, Fired
from patterns.predicates.form import Forms
from patterns.predicates.slices import Slices, completed, each_of, parts_of
from patterns.rules.canary import chosen, seed_of
from patterns.rules.entity_rules import key_rules_of
from patterns.rules.manifest import ACTING, WATCHED, Standing
from patterns.rules.own_names import labels_of, with_own_names
from patterns.rules.rule_absences import RuleAbsences, TellingRule
from patterns.rules.rule_sequences import MatchedRules, SequenceWords, sequences_of
from patterns.rules.rule_thresholds import RuleThresholds
from patterns.rules.sequence_beginnings import lacks_history
from patterns.rules.sequence_history import SequenceHistory
from patterns.rules.sight_values import ValueSource
from patterns.rules.wording import BatchWords, Wordings
from patterns.thresholds.threshold import Asked, Threshold

ALWAYS, NEVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max
VERSION_CHARACTERS = 12
"""So many characters of the hash of a rule's text name its version."""
_EVENT_NS = 60.0


class LiveRule(NamedTuple):
    """A rule that is evaluated, with what it may do."""

    pattern: Pattern
    standing: Standing

    @property
    def acts(self) -> bool:
        """Whether the rule acts, be it for a share of the entities."""
        return self.standing.status in ACTING


class _Pairs(NamedTuple):
    """Pairs of an event and a rule that it matches; `matches` is the place among those of sequences, -1 for a rule on the event alone."""

    events: Int64s
    rules: Int64s
    matches: Int64s

    def at(self, kept: Int64s | Bools) -> "_Pairs":
        return _Pairs(self.events[kept], self.rules[kept], self.matches[kept])


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

    def __init__(self, rules: Sequence[LiveRule], rule_actions: Sequence[int], named_max: int) -> None:
        self.rules = rules
        self._named_max = named_max
        self._rule_actions = tuple(rule_actions)

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
        """Compiles rules in slices, see `patterns.predicates.slices`; the arguments are those of the class."""
        ordered = yield from _by_weight(rules)
        made = cls(ordered, rule_actions, named_max)
        yield from made._compile(schema, features, forms)
        return made

    def _compile(self, schema: Schema, features: FeatureSet, forms: Forms) -> Slices[None]:
        written = [rule.pattern for rule in self.rules]
        yield
        labels = labels_of(written)
        yield
        patterns = yield from each_of(list(zip(written, labels, strict=True)), lambda own: with_own_names(*own))
        named = yield from each_of(patterns, _named)
        self.each: tuple[Rule, ...] = tuple(named)
        self._seeds = yield from each_of(patterns, lambda pattern: seed_of(pattern.id))
        shares = yield from each_of(self.rules, acting_share)
        actions = yield from each_of(self.each, lambda rule: ACTIONS.index(rule.action) if rule.action else -1)
        self._shares, self._actions = np.array(shares), np.array(actions, np.int8)
        self._adjusts = np.array([rule.adjust for rule in self.each])
        yield
        self._from_ms = np.array([ALWAYS if p.effective.from_ms is None else p.effective.from_ms for p in patterns], np.int64)
        yield
        self._to_ms = np.array([NEVER if p.effective.to_ms is None else p.effective.to_ms for p in patterns], np.int64)
        yield
        self._wordings = Wordings(patterns)
        self._user = schema.user
        self._sequences = sequences_of(patterns, schema.user)
        yield
        telling = yield from each_of(
            list(zip(patterns, self.each, self.rules, strict=True)),
            lambda own: TellingRule(own[0], own[1].version, own[2].standing.status, acting_share(own[2])),
        )
        yield
        self._thresholds = RuleThresholds(dict(zip(labels, patterns, strict=True)), schema, features)
        yield
        self.of_entities = key_rules_of(telling, self._wordings, schema, features, self._thresholds)
        self._of_keys = {kind: own.sequences for kind, own in self.of_entities.items() if own.sequences is not None}
        self.waiting: dict[str, Waiting] = {kind: own.absences for kind, own in self._of_keys.items() if own.absences.waits}
        yield
        self._absences, self._history = None, None
        if self._sequences is not None:
            self._history = SequenceHistory(self._sequences, self._warm_of(patterns, schema), schema)
            self._absences = RuleAbsences(schema.user, self._sequences, telling, self._wordings)
            self.waiting |= {schema.user: self._absences} if self._absences.waits else {}
        self.errors, self.skips = np.zeros(len(patterns), np.int64), np.zeros(len(patterns), np.int64)
        yield
        yield from self._compile_conditions(patterns, forms)
        yield
        read = yield from each_of(patterns, _names_read)
        names: dict[str, None] = {}
        for some in parts_of(read):
            names.update(dict.fromkeys(name for own in some for name in own))
            yield
        captured = [] if self._sequences is None else self._sequences.captured
        self._columns = ValueSource((*names, *captured), schema, features.names)
        yield
        lists = yield from each_of(written, lambda pattern: frozenset().union(*(formula.lists for formula in _formulas_of(pattern))))
        self.lists: frozenset[str] = frozenset().union(*set(lists))
        yield
        units = yield from each_of(written, lambda pattern: pattern.cost.units)
        self.cost_ns = _EVENT_NS + float(sum(units))

    def sections_of(self, kind: str) -> tuple[Section, ...]:
        """See `patterns.matches.Rules`."""
        taken = self._sequences if kind == self._user else self._of_keys.get(kind)
        of_sequences = () if taken is None else taken.sections
        history = () if kind != self._user or self._history is None else (self._history.section,)
        return (*of_sequences, *history, *self._thresholds.sections_of(kind))

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
        read = {rule.pattern.id: [name for formula in _formulas_of(rule.pattern) for name in formula.names] for rule in self.rules}
        return {id: tuple(dict.fromkeys(names)) for id, names in read.items()}

    def find_many(self, sight: Sight) -> Matches:
        """Looks at every event of `sight`; see `patterns.matches.Rules`."""
        n = len(sight.batch)
        columns = self._columns.over(sight)
        fired = self._conditions.find_many(columns, n)
        self._count_failures(fired)
        matched = self._take_sequences(sight, columns, fired)
        if not len(fired.events) and (matched is None or not len(matched.events)):
            return no_matches(n)
        pairs = self._matching(fired, matched, sight)
        pairs, hidden = self._without_hidden(pairs, fired.events, fired.conditions, sight.batch.times_ms)
        if not len(pairs.events):
            return no_matches(n)._replace(hidden=hidden)
        return self._named(pairs, hidden, matched, sight, columns)

    def _compile_conditions(self, patterns: Sequence[Pattern], forms: Forms) -> Slices[None]:
        """Puts the conditions of rules first, those of exceptions behind them, and those of sequences last.

        A condition beside a sequence whose key is no user stands with the former: the stage of that key does not know what it reads.
        """
        apart = yield from each_of(patterns, lambda pattern: pattern.sequence is not None and pattern.sequence.key in self._of_keys)
        alone = [pattern.sequence is None or own for pattern, own in zip(patterns, apart, strict=True)]
        yield
        whens = [(at, pattern.when) for at, pattern in enumerate(patterns) if pattern.when is not None and alone[at]]
        yield
        self._gates = np.array([apart[at] and pattern.when is not None for at, pattern in enumerate(patterns)], np.bool_)
        yield
        exceptions = [(at, place, each) for at, pattern in enumerate(patterns) for place, each in enumerate(pattern.exceptions)]
        yield
        every = [when for _, when in whens] + [each.when for _, _, each in exceptions]
        self._of_events = len(every)
        of_steps = [] if self._sequences is None else self._sequences.conditions
        self._conditions = yield from ConditionSet.in_slices(every + of_steps, forms)
        yield
        self._of_whens = len(whens)
        self._rule_of = np.array([at for at, _ in whens] + [at for at, _, _ in exceptions], np.int64)
        self._exception_of = np.array([-1] * len(whens) + [place for _, place, _ in exceptions], np.int64)
        self._expires_ms = np.array([NEVER] * len(whens) + [each.expires_ms for _, _, each in exceptions], np.int64)

    def _warm_of(self, patterns: Sequence[Pattern], schema: Schema) -> list[int]:
        """Returns the numbers of the sequences of users that begin from history."""
        assert self._sequences is not None
        return [number for number, rules in enumerate(self._sequences.rules_of) if not lacks_history(patterns[int(rules[0])], schema)]

    @property
    def sequence_names(self) -> dict[str, str]:
        """By the id of each rule with a sequence, the name of what profiles keep of it."""
        each = [own for own in (self._sequences, *(of.sequences for of in self._of_keys.values())) if own is not None]
        found: dict[str, str] = {}
        for own in each:
            for section, rules in zip(own.sections, own.rules_of, strict=False):
                found |= {self.each[rule].pattern: section.name for rule in rules.tolist()}
        return found

    def _count_failures(self, fired: Fired) -> None:
        """Counts conditions that erred or were skipped for their rules; those of exceptions count for the rule too."""
        for counts, conditions in ((self.errors, fired.errors), (self.skips, fired.skips)):
            own = conditions[conditions < self._of_events]
            if len(own):
                np.add.at(counts, self._rule_of[own], 1)

    def _take_sequences(self, sight: Sight, columns: Mapping[str, Column], fired: Fired) -> MatchedRules | None:
        parts = [self._of_keys[kind].matched(words) for kind, words in sight.of_entities.items() if kind in self._of_keys]
        if self._sequences is not None:
            own = fired.conditions >= self._of_events
            found = self._sequences.take(sight, columns, fired.events[own], fired.conditions[own] - self._of_events)
            if len(found.absences) and self._absences is not None:
                sight.absences.extend(self._absences.of(found.absences, sight.profiles))
            parts.append((found.matches, self._sequences.rules_of))
        return MatchedRules(parts) if parts else None

    def _matching(self, fired: Fired, matched: MatchedRules | None, sight: Sight) -> _Pairs:
        """Returns the pairs whose rule matches at a time at which it is effective."""
        own = fired.conditions < self._of_whens
        rules = self._rule_of[fired.conditions[own]]
        pairs = _Pairs(fired.events[own], rules, np.full(len(rules), -1))
        gates = pairs.at(self._gates[rules])
        pairs = pairs.at(~self._gates[rules])
        if matched is not None and len(matched.events):
            of_sequences = _Pairs(matched.events, matched.rules, np.arange(len(matched.events)))
            passed = np.isin(self._keys(matched.events, matched.rules), self._keys(gates.events, gates.rules))
            of_sequences = of_sequences.at(passed | ~self._gates[matched.rules])
            pairs = _Pairs(*map(np.concatenate, zip(pairs, of_sequences, strict=True)))
        times_ms = sight.batch.times_ms[pairs.events]
        kept = sight.decided[pairs.events] & (times_ms >= self._from_ms[pairs.rules]) & (times_ms < self._to_ms[pairs.rules])
        return pairs.at(kept)

    def _without_hidden(self, pairs: _Pairs, events: Int64s, conditions: Int64s, times_ms: Int64s) -> tuple[_Pairs, Hidden]:
        """Takes out the matches that an exception hides, of several the first."""
        excepting = np.flatnonzero((conditions >= self._of_whens) & (conditions < self._of_events))
        excepting = excepting[times_ms[events[excepting]] < self._expires_ms[conditions[excepting]]]
        if not len(excepting):
            return pairs, NOTHING_HIDDEN
        keys = self._keys(events[excepting], self._rule_of[conditions[excepting]])
        first_keys, firsts = np.unique(keys, return_index=True)
        own = self._keys(pairs.events, pairs.rules)
        hides = np.isin(own, first_keys)
        exceptions = self._exception_of[conditions[excepting][firsts[np.searchsorted(first_keys, own[hides])]]]
        return pairs.at(~hides), Hidden(pairs.events[hides], pairs.rules[hides], exceptions)

    def _keys(self, events: Int64s, rules: Int64s) -> Int64s:
        return events * len(self.rules) + rules

    def as_if(self, matches: Matches, shares: Float64s, users: Sequence[str]) -> Matches:
        """Returns the `matches` that this set found as they would count if its rules acted for other shares of the entities.

        The order of the matches of one event stays as it is, so the first need not be the one that decides.

        Args:
            matches: in which all matches are named, see `named_max`.
            shares: [rules] for which share of the entities each acts, 0 for a rule in shadow; below 0 for one that is not there.
            users: of the n events.
        """
        there = shares[matches.rules] >= 0.0
        pairs = _Pairs(matches.events[there], matches.rules[there], np.full(int(there.sum()), -1))
        shadows = self._shadows(pairs, users, shares)
        wanted, adjusts = self._what_acts(pairs.at(~shadows), len(users))
        hidden = Hidden(*(column[shares[matches.hidden.rules] >= 0.0] for column in matches.hidden))
        counts = np.bincount(pairs.events, minlength=len(users))
        return Matches(pairs.events, pairs.rules, shadows, matches.found.at(there), counts, wanted, adjusts, hidden)

    def _shadows(self, pairs: _Pairs, users: Sequence[str], of_rules: Float64s) -> Bools:
        """Tells of each match whether it is only watched: of a canary those of entities that it has not chosen."""
        shares = of_rules[pairs.rules]
        shadows: Bools = shares <= 0.0
        for rule in np.unique(pairs.rules[(shares > 0.0) & (shares < 1.0)]).tolist():
            own = np.flatnonzero(pairs.rules == rule)
            shadows[own] = ~chosen(self._seeds[rule], float(of_rules[rule]), [users[row] for row in pairs.events[own].tolist()])
        return shadows

    def _what_acts(self, acting: _Pairs, n: int) -> tuple[Int8s, Float64s]:
        """Returns for each of n events the action that counts, and the decades of tail, of the matches that act."""
        return self._wanted(acting, n), np.bincount(acting.events, self._adjusts[acting.rules], n).astype(np.float64)

    def _named(self, pairs: _Pairs, hidden: Hidden, matched: MatchedRules | None, sight: Sight, columns: Mapping[str, Column]) -> Matches:
        """Orders the matches of each event, and words those that are named."""
        n = len(sight.batch)
        shadows = self._shadows(pairs, sight.batch.users, self._shares)
        wanted, adjusts = self._what_acts(pairs.at(~shadows), n)
        beside = shadows | (self._actions[pairs.rules] != wanted[pairs.events]) | (wanted[pairs.events] < 0)
        order = np.lexsort((pairs.rules, shadows, beside, pairs.events))
        pairs, shadows = pairs.at(order), shadows[order]
        places = np.arange(len(order)) - np.searchsorted(pairs.events, pairs.events, side="left")
        named = places < self._named_max
        counts = np.bincount(pairs.events, minlength=n)
        pairs, shadows = pairs.at(named), shadows[named]
        found = self._found(pairs, matched, columns, n)
        return Matches(pairs.events, pairs.rules, shadows, found, counts, wanted, adjusts, hidden)

    def _found(self, pairs: _Pairs, matched: MatchedRules | None, columns: Mapping[str, Column], n: int) -> Findings:
        words = BatchWords(self._wordings, pairs.events, pairs.rules, columns, n)
        if matched is None:
            return found_by(words, len(pairs.events))
        of_sequences = pairs.matches >= 0
        places = np.where(of_sequences, pairs.matches, np.arange(len(pairs.matches)))
        return Findings((words, SequenceWords(matched, self._wordings, columns, n)), of_sequences.astype(np.int64), places)

    def _wanted(self, acting: _Pairs, n: int) -> Int8s:
        wanted = np.full(n, -1, np.int8)
        for action in reversed(self._rule_actions):
            wanted[acting.events[self._actions[acting.rules] == action]] = action
        return wanted


def live(rules: Sequence[LiveRule]) -> list[LiveRule]:
    """Returns those of `rules` that are evaluated: neither drafts nor those that are paused or retired."""
    return [rule for rule in rules if rule.standing.status in WATCHED]


def _by_weight(rules: Sequence[LiveRule]) -> Slices[tuple[LiveRule, ...]]:
    """Returns rules that act before others, the severest first, then by id."""
    weights = yield from each_of(rules, lambda rule: (not rule.acts) * len(SEVERITIES) - SEVERITIES.index(rule.pattern.severity))
    ids = [rule.pattern.id for rule in rules]
    yield
    by_id = sorted(range(len(rules)), key=ids.__getitem__)
    yield
    by_weight = np.argsort(np.array(weights, np.int64)[by_id], kind="stable").tolist()
    yield
    ordered = tuple(rules[by_id[at]] for at in by_weight)
    yield
    return ordered


def _named(pattern: Pattern) -> Rule:
    then = pattern.then
    asks = (then.action or "", then.adjust, then.tags, then.additions)
    return Rule(pattern.id, pattern.version[:VERSION_CHARACTERS], *asks, pattern.budget, pattern.severity, pattern.suppress)


def _conditions_of(pattern: Pattern) -> list[Condition]:
    own = [] if pattern.when is None else [pattern.when]
    if pattern.sequence is not None:
        own += [step.when for step in pattern.sequence.steps]
        own += [] if pattern.sequence.until is None else [pattern.sequence.until]
    return own + [exception.when for exception in pattern.exceptions]


def _formulas_of(pattern: Pattern) -> list[Formula]:
    """Returns all that reads anything: conditions, the reason, and what thresholds are learned of."""
    learned = [formula for each in pattern.adaptive.values() for formula in (each.of, each.cohort) if formula is not None]
    return [*_conditions_of(pattern), *_formulas_of_reason(pattern), *learned]


def _names_read(pattern: Pattern) -> tuple[str, ...]:
    """Returns the names that conditions and the reason of a rule read, each once."""
    formulas = (*_conditions_of(pattern), *_formulas_of_reason(pattern))
    return tuple(dict.fromkeys(name for formula in formulas for name in formula.names))


def _formulas_of_reason(pattern: Pattern) -> list[Formula]:
    return [] if pattern.then.reason is None else [part for part in pattern.then.reason.parts if isinstance(part, Formula)]


def acting_share(rule: LiveRule) -> float:
    """Returns for which share of the entities a rule acts."""
    return {"active": 1.0, "canary": rule.standing.share}.get(rule.standing.status, 0.0)
