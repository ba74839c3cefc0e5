"""What is said of a learned threshold."""

from features.expressions.functions.types import Type
from features.expressions.syntax.parser import read_expression
from foundation.place import Place, Source
from patterns.language.pattern import Adaptive, Formula
from patterns.thresholds.threshold_words import threshold_words


def test_the_threshold_of_a_pair_is_that_of_one_with_the_other() -> None:
    text = "event.amount"
    of = Formula(text, read_expression(Source(text, Place())), Type.DOUBLE, {text: Type.DOUBLE}, frozenset(), Place())
    pair = Adaptive("usual", of, 0.001, None, 1, None, None, "card+terminal")
    said = threshold_words(pair, 9.0, 7.5, 3.0, 14.2, None)
    own = "for this card with this terminal 3 is usual, by about 14 events of its own"
    assert said == f"event.amount is 9; {own}; 1 in 1,000 among all with such a history lies above 7.5"
