"""Says what trailing absences of sequences mean for the rules of a release."""

from collections.abc import Sequence
from typing import NamedTuple

from features.expressions.functions.column import Column
from features.profiles.profiles import Profiles
from foundation.number_arrays import Int64s
from patterns.absences import Absence
from patterns.language.pattern import Pattern
from patterns.lifecycle.canary import chosen, seed_of
from patterns.rules.keyed.rule_sequences import RuleSequences, value_of_step
from patterns.rules.values.wording import REASON_CHARACTERS_MAX, Wordings, plain_value, shown_value
from patterns.sequences.matched import MatchedSequences


class TellingRule(NamedTuple):
    """What an absence says of its rule.

    Args:
        share: for which share of the entities the rule acts; the others are only watched.
    """

    pattern: Pattern
    version: str
    status: str
    share: float

    def is_effective(self, time_ms: int) -> bool:
        """Tells whether the rule matches at an event time."""
        since, until = self.pattern.effective.from_ms, self.pattern.effective.to_ms
        return (since is None or time_ms >= since) and (until is None or time_ms < until)

    def is_shadow(self, key: str) -> bool:
        """Tells whether the rule only watches an entity."""
        return self.share <= 0.0 or (self.share < 1.0 and not bool(chosen(seed_of(self.pattern.id), self.share, [key])[0]))


class RuleAbsences:
    """Turns absences that have come true into those of rules, for one kind of key.

    Args:
        sequences: of that kind; some of them end with an absence.
        rules: all that are evaluated, in the order of their positions.
    """

    def __init__(self, kind: str, sequences: RuleSequences, rules: Sequence[TellingRule], wordings: Wordings) -> None:
        self._kind = kind
        self._sequences = sequences
        self._rules = rules
        self._wordings = wordings

    @property
    def waits(self) -> bool:
        """Whether any of the sequences ends with an absence."""
        return self._sequences.waits

    def deadlines_ms(self, profiles: Profiles, slots: Int64s) -> Int64s:
        """See `patterns.absences.Waiting`."""
        return self._sequences.deadlines_ms(profiles, slots)

    def pass_time(self, profiles: Profiles, slots: Int64s, now_ms: int) -> list[Absence]:
        """See `patterns.absences.Waiting`."""
        return self.of(self._sequences.pass_time(profiles, slots, now_ms), profiles)

    def of(self, matched: MatchedSequences, profiles: Profiles) -> list[Absence]:
        """Returns the absences of rules: a sequence that several rules have gives one for each."""
        if not len(matched):
            return []
        keys = profiles.keys_of(matched.events)
        found = [
            self._absence(int(rule), matched, at, key)
            for at, (key, number) in enumerate(zip(keys, matched.sequences.tolist(), strict=True))
            for rule in self._sequences.rules_of[number]
            if self._rules[rule].is_effective(matched.deadline_ms(at))
        ]
        return sorted(found, key=lambda absence: (absence.deadline_ms, absence.key, absence.pattern))

    def _absence(self, rule: int, matched: MatchedSequences, at: int, key: str) -> Absence:
        telling, wording = self._rules[rule], self._wordings[rule]
        columns: dict[str, Column] = {name: value_of_step(wording.types[name], matched, at, read) for name, read in wording.reads.items()}
        parts = (part if isinstance(part, str) else shown_value(part.over(columns, 1), 0) for part in wording.parts)
        return Absence(
            telling.pattern.id,
            telling.version,
            telling.pattern.severity,
            telling.status,
            telling.is_shadow(key),
            self._kind,
            key,
            [(taken.time_ms, taken.id_key) for taken in matched.taken(at)],
            {name: plain_value(column, 0) for name, column in columns.items()},
            "".join(parts)[:REASON_CHARACTERS_MAX],
            matched.deadline_ms(at),
        )
