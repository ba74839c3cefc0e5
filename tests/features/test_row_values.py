import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest

from features.definitions.row_column import Origin, RowColumn
from features.definitions.row_values import RowValues, evaluate, reads
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.schema.string_hash import word_of, words_of

SCHEMA = read_schema("""
id: {field: id, type: integer}
time: {field: ts}
user: customer
entities: [device]
fields:
  amount: {type: decimal, retain: true}
  steps: {type: integer, required: false}
  country: {type: string, required: false, retain: true}
""")
TIMES_MS = np.array([0, 6 * 3_600_000, 86_400_000 + 12 * 3_600_000])
BATCH = Batch(
    ids=["1", "2", "3"],
    id_keys=np.array([1, 2, 3]),
    orders=np.array([1, 2, 3]),
    times_ms=TIMES_MS,
    users=["anna", "bert", "anna"],
    entities={"device": ["x", "", "anna"]},
    numbers=np.array([[150.0, math.nan], [250.0, 4.0], [350.0, 5.0]]),
    body_keys=np.array([1, 2, 3]),
    texts={"country": ["FR", None, ""]},
)


def number(name: str) -> RowColumn:
    return RowColumn(f"event.{name}", Origin.NUMBER, name)


def text(name: str) -> RowColumn:
    return RowColumn(f"event.{name}", Origin.TEXT, name)


def expression(source: str) -> RowColumn:
    return RowColumn(source, Origin.EXPRESSION, source)


def values(*columns: RowColumn) -> list:
    return RowValues(columns, SCHEMA).of(BATCH).T.tolist()


def same(left: list, right: list) -> bool:
    return np.array_equal(np.array(left), np.array(right), equal_nan=True)


def test_numbers_are_taken_as_they_are_in_minor_units() -> None:
    assert same(values(number("steps"), number("amount")), [[math.nan, 4, 5], [150, 250, 350]])


def test_equal_texts_have_equal_words_whatever_field_they_stand_in() -> None:
    customer, device, country, id = values(text("customer"), text("device"), text("country"), text("id"))
    assert customer[0] == customer[2] == device[2] != customer[1]
    assert math.isnan(device[1]) and math.isnan(country[1]) and math.isnan(country[2])
    assert country[0] == word_of("FR") and len(set(id)) == 3


def test_expressions_give_numbers_truths_or_words_in_major_units() -> None:
    assert same(values(number("amount"), expression("event.amount * 2.0")), [[150, 250, 350], [3, 5, 7]])
    assert same(values(expression("event.steps > 4")), [[math.nan, 0, 1]])
    assert same(values(expression("event.id + 1")), [[2, 3, 4]])
    assert same(values(expression("event.country + '!'")), [[word_of("FR!"), math.nan, word_of("!")]])
    assert same(values(expression("event.customer == event.device")), [[0, math.nan, 1]])
    assert same(values(expression("event.ts.getHours()")), [[0, 6, 12]])
    assert same(values(expression("1.0 < 2.0")), [[1, 1, 1]])


def test_the_time_of_day_is_a_place_on_a_circle_in_its_zone() -> None:
    cosine, sine = values(RowColumn("c", Origin.HOUR_COS, "UTC"), RowColumn("s", Origin.HOUR_SIN, "UTC"))
    assert cosine == pytest.approx([1, 0, -1], abs=1e-15)
    assert sine == pytest.approx([0, 1, 0], abs=1e-15)
    [shifted] = values(RowColumn("c", Origin.HOUR_SIN, "Etc/GMT-6"))
    assert shifted == pytest.approx([1, 0, -1], abs=1e-15)


def test_columns_that_follow_from_earlier_rows_are_left_to_the_kernel() -> None:
    assert same(values(text("device"), RowColumn("previous(event.device)", Origin.PREVIOUS, "event.device"))[1], [math.nan] * 3)


def test_what_follows_from_retained_columns_can_be_computed_from_them() -> None:
    column = expression("event.amount > 2.0 && event.country == 'FR' && event.ts.getHours() < 7")
    assert reads(column, SCHEMA) == ("event.amount", "event.country")
    found = evaluate(column, SCHEMA, {"event.amount": np.array([150.0, 250.0, 250.0])}, {"event.country": ["FR", "FR", "DE"]}, TIMES_MS)
    assert found.tolist() == [0, 1, 0]
    hours = RowColumn("c", Origin.HOUR_COS, "UTC")
    assert reads(hours, SCHEMA) == ()
    assert evaluate(hours, SCHEMA, {}, {}, TIMES_MS).tolist() == values(hours)[0]
    with pytest.raises(KeyError):
        evaluate(column, SCHEMA, {}, {"event.country": ["FR"]}, TIMES_MS[:1])


def test_a_word_is_a_finite_number_and_alike_in_every_process() -> None:
    texts = [f"text {at}" for at in range(20_000)] + ["x" * 1_000, "é", None, ""]
    words = words_of(texts, len(texts))
    assert np.isnan(words[-2:]).all() and np.isfinite(words[:-2]).all()
    assert len(set(words[:-2].view(np.int64).tolist())) == len(texts) - 2
    code = "from features.schema.string_hash import word_of; print(word_of('text 7').hex())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float.fromhex(other) == words[7]


def test_numbers_that_cannot_be_written_are_taken_like_others() -> None:
    numbers = np.asfortranarray(BATCH.numbers)
    numbers.flags.writeable = False
    batch = dataclasses.replace(BATCH, numbers=numbers)
    columns = (number("amount"), expression("event.amount > 2.0 && event.country == 'FR'"))
    assert same(RowValues(columns, SCHEMA).of(batch), RowValues(columns, SCHEMA).of(BATCH))
