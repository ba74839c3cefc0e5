"""The conditions of all rules of a release, asked together: which rules match by them, and which matches exceptions hide."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.expressions.functions.column import Column
from foundation.number_arrays import Int64s
from foundation.slices import Slices
from patterns.language.pattern import Condition, Pattern
from patterns.matches import NOTHING_HIDDEN, Hidden
from patterns.predicates.condition_set import ConditionSet, Fired
from patterns.predicates.form import Forms
from patterns.rules.keyed.rule_sequences import MatchedRules
from patterns.rules.matched_pairs import MatchedPairs, pairs_of_events, pairs_of_sequences

NEVER_MS = np.iinfo(np.int64).max


class RuleConditions:
    """Holds the conditions of rules first, those of exceptions behind them, and those of the steps of users' sequences last.

    The condition beside a sequence whose key is no user stands among those of rules and is a gate: the stage of that key does not know what
    it reads, so a match of the sequence counts only where the gate is open.

    Attributes:
        errors, skips: [rules] at how many events conditions of each rule erred, and were skipped because a value was missing.
    """

    def __init__(self, rules: int) -> None:
        self._rules = rules
        self.errors, self.skips = np.zeros(rules, np.int64), np.zeros(rules, np.int64)

    @classmethod
    def in_slices(
        cls, patterns: Sequence[Pattern], is_apart: Sequence[bool], of_steps: Sequence[Condition], forms: Forms
    ) -> Slices["RuleConditions"]:
        """Compiles conditions in slices, see `foundation.slices`.

        Args:
            patterns: all rules that are evaluated.
            is_apart: whether each has a sequence whose key is no user.
            of_steps: the conditions of the steps of users' sequences.
            forms: keeps what was compiled before.
        """
        made = cls(len(patterns))
        yield from made._compile(patterns, is_apart, of_steps, forms)
        return made

    def _compile(self, patterns: Sequence[Pattern], is_apart: Sequence[bool], of_steps: Sequence[Condition], forms: Forms) -> Slices[None]:
        alone = [pattern.sequence is None or apart for pattern, apart in zip(patterns, is_apart, strict=True)]
        yield
        whens = [(at, pattern.when) for at, pattern in enumerate(patterns) if pattern.when is not None and alone[at]]
        yield
        self._gates = np.array([is_apart[at] and pattern.when is not None for at, pattern in enumerate(patterns)], np.bool_)
        yield
        exceptions = [(at, place, each) for at, pattern in enumerate(patterns) for place, each in enumerate(pattern.exceptions)]
        yield
        every = [when for _, when in whens] + [each.when for _, _, each in exceptions]
        self._of_whens, self._of_rules = len(whens), len(every)
        self._conditions = yield from ConditionSet.in_slices([*every, *of_steps], forms, apart=len(every))
        yield
        self._rule_of = np.array([at for at, _ in whens] + [at for at, _, _ in exceptions], np.int64)
        self._exception_of = np.array([-1] * len(whens) + [place for _, place, _ in exceptions], np.int64)
        self._expires_ms = np.array([NEVER_MS] * len(whens) + [each.expires_ms for _, _, each in exceptions], np.int64)

    def find_many(self, columns: Mapping[str, Column], n: int) -> Fired:
        """Returns which conditions hold for which of n events, and counts those that erred or were skipped.

        Conditions of exceptions count for their rule, those of steps for none.
        """
        fired = self._conditions.find_many(columns, n)
        for counts, conditions in ((self.errors, fired.errors), (self.skips, fired.skips)):
            own = conditions[conditions < self._of_rules] if len(conditions) else conditions
            if len(own):
                np.add.at(counts, self._rule_of[own], 1)
        return fired

    def any_of_rules(self, fired: Fired) -> bool:
        """Tells whether a condition of a rule holds for any event; where none does, no rule matches but by its sequence."""
        return len(fired.conditions) > 0 and int(fired.conditions.min()) < self._of_whens

    def matching(self, fired: Fired, matched: MatchedRules | None) -> MatchedPairs:
        """Returns the pairs of an event and a rule whose condition holds, and behind them those of sequences whose gate is open."""
        own = fired.conditions < self._of_whens
        pairs = pairs_of_events(fired.events[own], self._rule_of[fired.conditions[own]])
        are_gates = self._gates[pairs.rules]
        gates, pairs = pairs.at(are_gates), pairs.at(~are_gates)
        if matched is None or not len(matched.events):
            return pairs
        of_sequences = pairs_of_sequences(matched)
        are_open = np.isin(self._keys(of_sequences.events, of_sequences.rules), self._keys(gates.events, gates.rules))
        return pairs.beside(of_sequences.at(are_open | ~self._gates[of_sequences.rules]))

    def without_hidden(self, pairs: MatchedPairs, fired: Fired, times_ms: Int64s) -> tuple[MatchedPairs, Hidden]:
        """Takes out the pairs that an exception hides which has not expired at the event's time; of several the first is named."""
        excepting = np.flatnonzero(fired.conditions >= self._of_whens)
        excepting = excepting[times_ms[fired.events[excepting]] < self._expires_ms[fired.conditions[excepting]]]
        if not len(excepting):
            return pairs, NOTHING_HIDDEN
        conditions = fired.conditions[excepting]
        keys = self._keys(fired.events[excepting], self._rule_of[conditions])
        first_keys, firsts = np.unique(keys, return_index=True)
        own = self._keys(pairs.events, pairs.rules)
        hides = np.isin(own, first_keys)
        exceptions = self._exception_of[conditions[firsts[np.searchsorted(first_keys, own[hides])]]]
        return pairs.at(~hides), Hidden(pairs.events[hides], pairs.rules[hides], exceptions)

    def _keys(self, events: Int64s, rules: Int64s) -> Int64s:
        """Returns one number for each pair of an event and a rule."""
        return events * self._rules + rules
