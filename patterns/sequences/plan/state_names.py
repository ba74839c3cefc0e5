"""Names the state that sequences keep: a hash of all that gives its words their meaning, so that a change of anything else keeps them."""

import hashlib

from features.expressions.syntax.canonical import canonical
from patterns.language.pattern import Condition, Sequence
from patterns.sequences.plan.layout import LaidOut, RuleSequence

COUNTER = "sequence: events of a key"
"""The section that counts the events of keys in which a strict sequence has begun."""
_LAYOUT = "1"
"""Another number where the words of a sequence come to mean something else."""


def name_of(rule: RuleSequence, own: LaidOut) -> str:
    """Returns the name of what a key keeps of a sequence."""
    sequence = rule.sequence
    steps = [(step.name, _text(step.when), step.least, step.most, step.gap_ms, step.optional, step.absent) for step in sequence.steps]
    how = (sequence.key, sequence.within_ms, sequence.ordered, sequence.strict, sequence.each, _text(sequence.until), _text(rule.gate))
    return f"sequence:{_hashed((_LAYOUT, steps, how, own.captures, sorted(own.counted)))}"


def name_of_first(sequence: Sequence) -> str:
    """Returns the name of the event that a key keeps for all sequences whose first steps ask the same."""
    return f"first:{_hashed((_LAYOUT, sequence.key, _text(sequence.steps[0].when)))}"


def _hashed(meaning: object) -> str:
    return hashlib.blake2b(repr(meaning).encode(), digest_size=12).hexdigest()


def _text(condition: Condition | None) -> str:
    return "" if condition is None else f"{condition.missing.value}: {canonical(condition.node)}"
