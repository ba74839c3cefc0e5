"""Values stand in the reasons of rules as people write them."""

import math

from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from patterns.rules.values.wording import shown_value


def test_numbers_of_a_reason_have_groups_of_digits_and_two_decimals_and_no_exponent() -> None:
    column = Column.of_values(Type.DOUBLE, [1605220.4, 206.6231, 14.0, 0.00042, math.nan])
    assert [shown_value(column, row) for row in range(5)] == ["1,605,220.4", "206.62", "14", "0.00042", "?"]


def test_whole_numbers_and_texts_stand_as_they_are() -> None:
    assert shown_value(Column.of_values(Type.INT, [1796041576680782]), 0) == "1796041576680782"
    assert shown_value(Column.of_values(Type.STRING, ["d-9"]), 0) == "d-9"
