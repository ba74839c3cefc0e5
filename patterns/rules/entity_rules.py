"""The rules of a release that the stage of one kind of entity looks at: sequences whose key it is."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from features.expressions.functions.types import Type
from features.profiles.profiles import Profiles
from features.profiles.sections import Section
from features.schema.batch import Batch
from features.schema.schema import Schema
from foundation.number_arrays import Float64s, Int64s
from patterns.absences import Absence
from patterns.matches import Bools
from patterns.predicates.condition_set import ConditionSet
from patterns.predicates.event_values import EventLayout
from patterns.rules.rule_absences import RuleAbsences, TellingRule
from patterns.rules.rule_sequences import RuleSequences, sequences_of
from patterns.rules.wording import Wordings
from patterns.sequences.carried import Carried
from patterns.sequences.matched import MatchedSequences

FEATURE = "feature."


class _OfEntities(NamedTuple):
    """See `patterns.rules.rule_sequences.OfKeys`."""

    batch: Batch
    fresh: Bools
    late: Bools
    profiles: Profiles
    slots: Int64s


class KeySequences:
    """Takes events through the sequences of their entities of one kind, and says which matched in words that travel with the event.

    Args:
        sequences: of the kind.
        absences: says what its trailing absences mean.
        features: the names of the kind's own features, in the order of its feature matrix.
    """

    def __init__(self, sequences: RuleSequences, absences: RuleAbsences, schema: Schema, features: Sequence[str]) -> None:
        self.sequences = sequences
        self.absences = absences
        self._conditions = ConditionSet.compile(sequences.conditions)
        self._layout = EventLayout(schema, [{FEATURE + name: Type.DOUBLE for name in features}])
        self._carried = Carried(sequences.shapes)

    @property
    def sections(self) -> tuple[Section, ...]:
        """What profiles of the entities keep."""
        return self.sequences.sections

    @property
    def width(self) -> int:
        """The number of words that an event is answered with."""
        return self._carried.width

    def find_many(
        self, batch: Batch, features: Float64s, fresh: Bools, late: Bools, profiles: Profiles, slots: Int64s, absences: list[Absence]
    ) -> Int64s:
        """Looks at every event of a batch; see `patterns.matches.EntityRules`."""
        columns = self._layout.of(batch, (features,))
        fired = self._conditions.find_many(columns, len(batch))
        found = self.sequences.take(_OfEntities(batch, fresh, late, profiles, slots), columns, fired.events, fired.conditions)
        if len(found.absences):
            absences += self.absences.of(found.absences, profiles)
        return self._carried.write(found.matches, len(batch))

    def matched(self, words: Int64s) -> tuple[MatchedSequences, list[Int64s]]:
        """Returns the matches that words of `find_many` tell of, and for each sequence the positions of the rules that have it."""
        return self._carried.read(words), self.sequences.rules_of


def key_sequences_of(
    rules: Sequence[TellingRule], wordings: Wordings, schema: Schema, own_features: Mapping[str, Sequence[str]]
) -> dict[str, KeySequences]:
    """Returns by kind of entity the sequences of rules whose key is no user, where `rules` are all that are evaluated.

    Args:
        own_features: by kind of entity the names of its own features, in the order of its feature matrix.
    """
    patterns = [rule.pattern for rule in rules]
    kinds = dict.fromkeys(pattern.sequence.key for pattern in patterns if pattern.sequence is not None)
    found: dict[str, KeySequences] = {}
    for kind in kinds:
        sequences = sequences_of(patterns, kind, gated=False) if kind != schema.user else None
        if sequences is not None:
            absences = RuleAbsences(kind, sequences, rules, wordings)
            found[kind] = KeySequences(sequences, absences, schema, own_features.get(kind, ()))
    return found
