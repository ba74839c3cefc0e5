"""Lets sequences begin from the rows that the profile of a user retains, as if their rules had always been there."""

import hashlib
from collections.abc import Sequence

import numpy as np

from features.expressions.syntax.syntax import Literal, Node
from features.profiles.retained_rows import RetainedRows
from features.profiles.sections import Section
from features.profiles.sparse_sections import SparseSections
from features.schema.batch import Batch
from features.schema.schema import Schema
from features.schema.string_hash import word_of
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.condition_set import ConditionSet
from patterns.predicates.event_values import EventLayout
from patterns.rules.keyed.rule_sequences import RuleSequences

_EVENT = "event."
_OTHER = "\0"
"""A text that is no constant of a rule begins with it: it stands for one of which only the hash is known."""


class SequenceHistory:
    """Takes retained rows through sequences that a profile does not know.

    A profile names the set of sequences that it knows, by a section without words. Where that is another one, those that begin from history
    and have nothing begun are taken through the rows of the time that they span. What they match there is not told.

    Args:
        sequences: of users.
        warm: numbers of those that begin from history.
    """

    def __init__(self, sequences: RuleSequences, warm: Sequence[int], schema: Schema) -> None:
        self._sequences = sequences
        self._warm = np.array(sorted(warm), np.int64)
        self._schema = schema
        self._names = [sequences.sections[number].name for number in self._warm.tolist()]
        self._within_ms = max((int(sequences.shapes[number].within_ms) for number in self._warm.tolist()), default=0)
        self._conditions: ConditionSet | None = None

    @property
    def section(self) -> Section:
        """The section that names the set; a profile without it begins from its history."""
        names = sorted(section.name for section in self._sequences.sections)
        digest = hashlib.blake2b("\n".join(names).encode(), digest_size=9).hexdigest()
        return Section(f"sequences:{digest}", 0, begin=self.begin if len(self._warm) else None)

    def begin(self, sparse: SparseSections, slot: int, rows: RetainedRows) -> None:
        """Lets the sequences begin in the profile of `slot` that have nothing begun there."""
        one = np.array([slot])
        new = [number for number, name in zip(self._warm.tolist(), self._names, strict=True) if sparse.find(name, one)[0] < 0]
        times_ms = rows.times_ms()
        if not new or not len(times_ms):
            return
        first = int(np.searchsorted(times_ms, times_ms[-1] - self._within_ms))
        batch = self._batch(rows, times_ms, first)
        if self._conditions is None:
            self._places = np.array(self._sequences.conditions_of(self._warm.tolist()), np.int64)
            self._conditions = ConditionSet.compile([self._sequences.conditions[place] for place in self._places.tolist()])
            self._layout = EventLayout(self._schema)
        columns = self._layout.of(batch)
        fired = self._conditions.find_many(columns, len(batch))
        self._sequences.take_history(sparse, slot, batch, columns, fired.events, self._places[fired.conditions], new)

    def _batch(self, rows: RetainedRows, times_ms: Int64s, first: int) -> Batch:
        schema, n = self._schema, len(times_ms) - first
        retained = {field.name for field in schema.fields if field.retain}
        numbers = np.full((n, len(schema.columns)), np.nan)
        for at, name in enumerate(schema.columns):
            if name in retained:
                numbers[:, at] = rows.column(_EVENT + name)[first:]
        nothing_said: list[str | None] = [None] * n
        texts = {name: self._texts(rows.column(_EVENT + name)[first:]) if name in retained else nothing_said for name in schema.texts}
        nobody, nothing = [""] * n, np.zeros(n, np.int64)
        entities = dict.fromkeys(schema.entities, nobody)
        return Batch(nobody, rows.row_keys()[first:], nothing, times_ms[first:], nobody, entities, numbers, nothing, texts)

    def _texts(self, words: Float64s) -> list[str | None]:
        known = {word_of(text): text for text in self._constants}
        return [None if word != word else known.get(word, f"{_OTHER}{word.hex()}") for word in words.tolist()]

    @property
    def _constants(self) -> list[str]:
        found: dict[str, None] = {}
        for condition in self._sequences.conditions:
            found |= dict.fromkeys(_texts_in(condition.node))
        return list(found)


def _texts_in(part: object) -> list[str]:
    if isinstance(part, Literal):
        return [part.value] if isinstance(part.value, str) else []
    if isinstance(part, Node):
        return [text for field in part.__dataclass_fields__ for text in _texts_in(getattr(part, field))]
    return [text for each in part for text in _texts_in(each)] if isinstance(part, list | tuple) else []
