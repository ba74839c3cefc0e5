"""The sequences of all rules of a release: those of users, which the user stage takes, and what the stages of other keys say of theirs."""

from collections.abc import Mapping, Sequence

from features.expressions.functions.column import Column
from features.profiles.sections import Section
from features.schema.schema import Schema
from foundation.number_arrays import Int64s
from patterns.absences import Waiting
from patterns.language.pattern import Condition, Pattern
from patterns.matches import Sight
from patterns.rules.keyed.entity_rules import KeyRules
from patterns.rules.keyed.rule_absences import RuleAbsences, TellingRule
from patterns.rules.keyed.rule_sequences import MatchedRules, RuleSequences, sequences_of
from patterns.rules.keyed.sequence_beginnings import lacks_history
from patterns.rules.keyed.sequence_history import SequenceHistory
from patterns.rules.values.wording import Wordings


class AllSequences:
    """Takes events through the sequences of users, and gathers what sequences of any key match.

    Args:
        rules: all that are evaluated, in the order of their positions.
        of_entities: the sequences and thresholds whose key is no user, by kind of entity.

    Attributes:
        waiting: the sequences that end with an absence, by kind of entity, users included.
    """

    def __init__(self, rules: Sequence[TellingRule], wordings: Wordings, of_entities: Mapping[str, KeyRules], schema: Schema) -> None:
        patterns = [rule.pattern for rule in rules]
        self._user = schema.user
        self._of_keys = {kind: own.sequences for kind, own in of_entities.items() if own.sequences is not None}
        self.waiting: dict[str, Waiting] = {kind: own.absences for kind, own in self._of_keys.items() if own.absences.waits}
        self._of_users = sequences_of(patterns, schema.user)
        self._absences, self._history = None, None
        if self._of_users is not None:
            warm = [number for number, own in enumerate(self._of_users.rules_of) if not lacks_history(patterns[int(own[0])], schema)]
            self._history = SequenceHistory(self._of_users, warm, schema)
            self._absences = RuleAbsences(schema.user, self._of_users, rules, wordings)
            self.waiting |= {schema.user: self._absences} if self._absences.waits else {}

    @property
    def each(self) -> list[RuleSequences]:
        """The sequences of each key, those of users first."""
        own = [] if self._of_users is None else [self._of_users]
        return own + [of.sequences for of in self._of_keys.values()]

    @property
    def conditions(self) -> list[Condition]:
        """The conditions of the steps of users' sequences, in the order in which `take` is told of them."""
        return [] if self._of_users is None else self._of_users.conditions

    @property
    def captured(self) -> list[str]:
        """The names that users' sequences capture of events."""
        return [] if self._of_users is None else self._of_users.captured

    def is_apart(self, pattern: Pattern) -> bool:
        """Tells whether a rule has a sequence that the stage of another key takes."""
        return pattern.sequence is not None and pattern.sequence.key in self._of_keys

    def sections_of(self, kind: str) -> tuple[Section, ...]:
        """Returns what profiles of a kind of entity keep of sequences."""
        taken = self._of_users if kind == self._user else self._of_keys.get(kind)
        history = () if kind != self._user or self._history is None else (self._history.section,)
        return (*(() if taken is None else taken.sections), *history)

    def take(self, sight: Sight, columns: Mapping[str, Column], events: Int64s, conditions: Int64s) -> MatchedRules | None:
        """Takes the events of `sight` through the sequences of users; returns what sequences of any key matched, None if there are none.

        Args:
            events, conditions: [m] which events satisfy which of `conditions`, ascending by event.
        """
        told = {kind: words for kind, words in sight.of_entities.items() if kind in self._of_keys and words.any()}
        parts = [self._of_keys[kind].matched(words) for kind, words in told.items()]
        if self._of_users is not None:
            found = self._of_users.take(sight, columns, events, conditions)
            if len(found.absences) and self._absences is not None:
                sight.absences.extend(self._absences.of(found.absences, sight.profiles))
            if len(found.matches):
                parts.append((found.matches, self._of_users.rules_of))
        return MatchedRules(parts) if parts else None
