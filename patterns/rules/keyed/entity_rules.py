"""What of the rules of a release the stage of one kind of entity looks at: the sequences and learned thresholds whose key it is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from features.expressions.functions.types import Type
from features.profiles.profiles import Profiles
from features.profiles.sections import Section
from features.schema.batch import Batch
from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet
from foundation.number_arrays import Float64s, Int64s
from patterns.absences import Absence
from patterns.matches import Bools
from patterns.predicates.condition_set import ConditionSet
from patterns.predicates.event_values import EventLayout
from patterns.rules.keyed.rule_absences import RuleAbsences, TellingRule
from patterns.rules.keyed.rule_sequences import OfKeys, RuleSequences, sequences_of
from patterns.rules.keyed.rule_thresholds import KeyThresholds, RuleThresholds
from patterns.rules.keyed.threshold_questions import FEATURE
from patterns.rules.values.wording import Wordings
from patterns.sequences.carried import Carried
from patterns.sequences.matched import MatchedSequences
from patterns.thresholds.threshold import Asked, Threshold


class _OfEntities(NamedTuple):
    """See `patterns.rules.keyed.rule_sequences.OfKeys`."""

    batch: Batch
    fresh: Bools
    late: Bools
    profiles: Profiles
    slots: Int64s


class KeyRules:
    """Holds what rules ask of one kind of entity.

    Args:
        sequences: None: none has this key.
        thresholds: None: none has this key.
    """

    def __init__(self, sequences: "KeySequences | None", thresholds: KeyThresholds | None) -> None:
        self.sequences = sequences
        self._thresholds = thresholds

    @property
    def width(self) -> int:
        """See `patterns.matches.EntityRules`."""
        return 0 if self.sequences is None else self.sequences.width

    @property
    def thresholds(self) -> Sequence[Threshold]:
        """See `patterns.matches.EntityRules`."""
        return () if self._thresholds is None else self._thresholds.each

    def ask_thresholds(self, batch: Batch, features: Float64s) -> Sequence[Asked]:
        """See `patterns.matches.EntityRules`."""
        return () if self._thresholds is None else self._thresholds.ask(batch, features)

    def find_many(
        self,
        batch: Batch,
        features: Float64s,
        learned: Float64s,
        fresh: Bools,
        late: Bools,
        profiles: Profiles,
        slots: Int64s,
        absences: list[Absence],
    ) -> Int64s:
        """See `patterns.matches.EntityRules`."""
        if self.sequences is None:
            return np.empty((len(batch), 0), np.int64)
        return self.sequences.find_many(batch, features, learned, _OfEntities(batch, fresh, late, profiles, slots), absences)


class KeySequences:
    """Takes events through the sequences of their entities of one kind, and says which matched in words that travel with the event.

    Args:
        sequences: of the kind.
        absences: says what its trailing absences mean.
        features: the names of the kind's own features, in the order of its feature matrix.
        learned: the names of its learned thresholds.
    """

    def __init__(
        self, sequences: RuleSequences, absences: RuleAbsences, schema: Schema, features: Sequence[str], learned: Sequence[str]
    ) -> None:
        self.sequences = sequences
        self.absences = absences
        self._conditions = ConditionSet.compile(sequences.conditions)
        own = ([FEATURE + name for name in features], learned)
        self._layout = EventLayout(schema, [dict.fromkeys(names, Type.DOUBLE) for names in own])
        self._carried = Carried(sequences.shapes)

    @property
    def sections(self) -> tuple[Section, ...]:
        """What profiles of the entities keep."""
        return self.sequences.sections

    @property
    def width(self) -> int:
        """The number of words that an event is answered with."""
        return self._carried.width

    def find_many(self, batch: Batch, features: Float64s, learned: Float64s, of: OfKeys, absences: list[Absence]) -> Int64s:
        """Looks at every event of a batch; see `patterns.matches.EntityRules`."""
        columns = self._layout.of(batch, (features, learned))
        fired = self._conditions.find_many(columns, len(batch))
        found = self.sequences.take(of, columns, fired.events, fired.conditions)
        if len(found.absences):
            absences += self.absences.of(found.absences, of.profiles)
        return self._carried.write(found.matches, len(batch))

    def matched(self, words: Int64s) -> tuple[MatchedSequences, list[Int64s]]:
        """Returns the matches that words of `find_many` tell of, and for each sequence the positions of the rules that have it."""
        return self._carried.read(words), self.sequences.rules_of


def key_rules_of(
    rules: Sequence[TellingRule], wordings: Wordings, schema: Schema, features: FeatureSet, thresholds: RuleThresholds
) -> dict[str, KeyRules]:
    """Returns by kind of entity what rules ask of those that are no users, where `rules` are all that are evaluated.

    Args:
        thresholds: those of the rules.
    """
    patterns = [rule.pattern for rule in rules]
    kinds = dict.fromkeys([*(pattern.sequence.key for pattern in patterns if pattern.sequence is not None), *thresholds.of_keys])
    found: dict[str, KeyRules] = {}
    for kind in kinds:
        if kind == schema.user:
            continue
        own = thresholds.of_keys.get(kind)
        sequences, told = sequences_of(patterns, kind, gated=False), None
        if sequences is not None:
            absences = RuleAbsences(kind, sequences, rules, wordings)
            told = KeySequences(sequences, absences, schema, features.own(kind), () if own is None else own.names)
        found[kind] = KeyRules(told, own)
    return found
