"""Refuses what the language of rules can say and nothing carries out yet: whoever wrote it would rely on it."""

from typing import NoReturn

from foundation.place import Place
from foundation.refusal import Refusal
from patterns.language.pattern import Pattern, Promote, Sequence
from patterns.language.rule_folder import source_of


def check_supported(pattern: Pattern) -> None:
    """Looks for what nothing carries out in a rule that has been read.

    Raises:
        Refusal: the rule has a learned threshold, a sequence that ends with an absence, or a bound for its promotion.
    """
    for adaptive in pattern.adaptive.values():
        _refuse("threshold that is not learned yet", adaptive.of.place, "a rule without learned thresholds", f"adaptive.{adaptive.name}")
    if pattern.sequence is not None:
        _check_sequence(pattern.sequence)
    if pattern.promote != Promote():
        place = Place(source_of(pattern.id))
        _refuse("bounds that nothing checks yet", place, "a rule without promote", "promote")


def _check_sequence(sequence: Sequence) -> None:
    last = sequence.steps[-1]
    if last.absent:
        _refuse("absence at the end", last.when.place, "a sequence whose last step an event takes", last.name)


def _refuse(what: str, where: Place, expected: str, got: str) -> NoReturn:
    raise Refusal(what, where=where.at(1, 1), expected=expected, got=got, remedy="leave it out until a version carries it out")
