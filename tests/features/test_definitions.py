import re
import sys
from collections.abc import Callable

import numpy as np
import pytest

from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from foundation.refusal import Refusal

SCHEMA_TEXT = """\
id: {field: id, type: integer}
time: {field: ts, unit: ms}
user: customer
entities: [terminal, device]
fields:
  amount: {type: decimal, retain: true}
  category: {type: string}
retention: 40d
"""
SCHEMA = read_schema(SCHEMA_TEXT)

BAD_SCHEMAS = {
    "an unknown name": ("lateness: 10m", "latenes: 10m", ":8:1", "did you mean lateness"),
    "a field described twice": ("entities: [terminal, device]", "entities: [terminal, customer]", ":4:22", "each field in one place"),
    "an unknown type": ("{type: string}", "{type: strin}", ":7:20", "did you mean string"),
    "a scale of a string": ("{type: string}", "{type: string, scale: 2}", ":7:35", "type: decimal"),
    "a scale of seven": ("{type: decimal,", "{type: decimal, scale: 7,", ":6:34", "from 0 to 6"),
    "a dimension of a number": ("{type: decimal,", "{type: decimal, dimension: true,", ":6:38", "type: string"),
    "a length without a unit": ("retention: 40d", "retention: 40", ":8:12", "a whole number with a unit"),
    "a ttl below retention": ("retention: 40d", "retention: 40d\nttl: 1d", ":9:6", "a ttl of at least the retention"),
    "no user": ("user: customer\n", "", ":1:1", "a field user"),
    "a field within a field": ("  category:", "  amount.x:", ":7:13", "not nested"),
    "a time in hours": ("unit: ms", "unit: h", ":2:25", "one of ms, s, us, rfc3339"),
    "a field called op": ("  category:", "  op:", ":7:7", "another name than op"),
    "a field within op": ("  category:", "  op.kind:", ":7:12", "another name than op"),
    "an entity called op": ("[terminal, device]", "[terminal, op]", ":4:22", "another name than op"),
    "a list for a mapping": ("id: {field: id, type: integer}", "id: [id]", ":1:5", "a text"),
}


def test_dimensions_are_the_texts_that_say_so() -> None:
    assert SCHEMA.dimensions == ()
    assert read_schema(SCHEMA_TEXT.replace("{type: string}", "{type: string, dimension: true}")).dimensions == ("category",)


def test_a_ninth_dimension_is_refused_at_its_place() -> None:
    fields = "".join(f"  d{n}: {{type: string, dimension: true}}\n" for n in range(9))
    with pytest.raises(Refusal) as caught:
        read_schema("id: id\ntime: {field: at}\nuser: who\nfields:\n" + fields)
    assert caught.value.where.startswith("schema.yaml:13:")
    assert "at most 8" in str(caught.value)


@pytest.mark.parametrize(("old", "new", "place", "expected"), BAD_SCHEMAS.values(), ids=BAD_SCHEMAS.keys())
def test_a_bad_schema_is_refused_at_its_place(old: str, new: str, place: str, expected: str) -> None:
    text = SCHEMA_TEXT.replace(old, new) if old in SCHEMA_TEXT else SCHEMA_TEXT + new
    if "latenes" in new:
        text = SCHEMA_TEXT.replace("retention: 40d", new)
    with pytest.raises(Refusal) as caught:
        read_schema(text)
    assert caught.value.where == "schema.yaml" + place
    assert expected in str(caught.value)


BAD_FEATURES = {
    "an unknown template": ("template: summ, value: event.amount, window: 1h", "1:23", "did you mean sum"),
    "an unknown column": ("template: sum, value: event.amuont, window: 1h", "1:41", "did you mean event.amount"),
    "a column that is no number": ("template: sum, value: event.category, window: 1h", "1:35", "a numeric field"),
    "a column without event": ("template: sum, value: amount, window: 1h", "1:35", "did you mean event.amount"),
    "a sum of nothing": ("template: sum, window: 1h", "1:3", "a field value"),
    "a window that is negative": ("template: count, window: -1h", "1:38", "a whole number with a unit"),
    "a window of nothing": ("template: count, window: 0h", "1:38", "a whole number with a unit"),
    "no window": ("template: count", "1:3", "a field window"),
    "a window of two centuries": ("template: count, window: 73050d", "1:38", "unbounded"),
    "an unknown entity": ("template: count, entity: terminals, window: 1h", "1:38", "did you mean terminal"),
    "a value of a label": ("template: label_rate, value: event.amount, window: 1h", "1:35", "one of name, template"),
    "of without a rate": ("template: label_count, of: labelled, window: 1h", "1:36", "one of name, template"),
    "an unknown part": ("template: calendar, part: hours", "1:39", "did you mean hour"),
    "an hour of 24": ("template: calendar, part: hour, between: [0, 24]", "1:58", "from 0 to 23"),
    "a range of three": ("template: calendar, part: hour, between: [0, 6, 7]", "1:54", "two whole numbers"),
    "an unknown zone": ("template: calendar, part: hour, zone: Europe/Pari", "1:51", "did you mean Europe/Paris"),
    "a zone that is a path": ("template: calendar, part: hour, zone: ../../etc/passwd", "1:51", "an IANA zone"),
    "a window of a calendar": ("template: calendar, part: hour, window: 1h", "1:45", "one of name, template, part"),
}


@pytest.mark.parametrize(("body", "place", "expected"), BAD_FEATURES.values(), ids=BAD_FEATURES.keys())
def test_a_bad_feature_is_refused_at_its_place(body: str, place: str, expected: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_features(f"- {{name: f, {body}}}", SCHEMA)
    assert caught.value.where == "features.yaml:" + place
    assert expected in str(caught.value)


def test_a_lateness_a_delay_and_a_lead_of_nothing_are_lengths_of_time() -> None:
    schema = read_schema(SCHEMA_TEXT.replace("lateness: 10m\n", "") + "lateness: 0s\nmax_ahead: 0s\n")
    assert (schema.lateness_ms, schema.max_ahead_ms) == (0, 0)
    features = read_features(
        "- {name: f, template: count, window: {length: 1h, delay: 0s}}\n- {name: g, template: count, window: 1h}", schema
    )
    assert features.definitions["f"].recipe.readings == features.definitions["g"].recipe.readings


@pytest.mark.parametrize("name", ["retention", "dedupe", "ttl"])
def test_other_lengths_of_nothing_are_refused(name: str) -> None:
    with pytest.raises(Refusal, match="at least 1ms"):
        read_schema(re.sub(f"(?m)^{name}: .*\n", "", SCHEMA_TEXT) + f"{name}: 0s\n")


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(Refusal, match=r"features.yaml:2:10: name given twice"):
        read_features("- {name: f, template: count, window: 1h}\n- {name: f, template: count, window: 2h}", SCHEMA)


def test_a_window_may_be_longer_than_retention() -> None:
    assert read_features("[{name: f, template: count, window: 400d}]", SCHEMA).names == ("f",)


def test_kinds_have_the_user_first_and_only_entities_with_windows() -> None:
    features = read_features("[{name: n, template: count, entity: device, window: 1h}]", SCHEMA)
    assert features.kinds == ("customer", "device")
    assert features.plans["customer"].width == 0
    assert features.columns["device"].tolist() == [0]


def test_equal_windows_share_their_sums() -> None:
    line = "- {{name: {0}{1}, template: {0}, value: event.amount, window: 1h}}"
    text = "\n".join(line.format(template, i) for i in range(3) for template in ("sum", "mean", "std"))
    assert len(read_features(text, SCHEMA).plans["customer"].arrays.units) == 1


@pytest.mark.parametrize(
    ("definition", "time", "wanted"),
    [
        ("part: hour", "2024-07-01T23:30", 23),
        ("part: hour, zone: Asia/Kolkata", "2024-07-01T23:30", 5),
        ("part: hour, zone: Europe/Paris", "2024-03-31T00:59", 1),
        ("part: hour, zone: Europe/Paris", "2024-03-31T01:00", 3),
        ("part: hour, zone: Australia/Lord_Howe", "2024-10-05T15:30", 2),
        ("part: weekday", "2024-07-01T00:00", 0),
        ("part: weekday, zone: America/New_York", "2024-07-01T00:00", 6),
        ("part: weekend", "2024-07-06T00:00", 1),
        ("part: weekend", "2024-07-05T23:59", 0),
        ("part: day", "2024-02-29T12:00", 29),
        ("part: month", "1970-12-31T23:59", 12),
        ("part: hour, between: [0, 6]", "2024-07-01T06:59", 1),
        ("part: hour, between: [0, 6]", "2024-07-01T07:00", 0),
        ("part: hour, between: [22, 6]", "2024-07-01T23:00", 1),
        ("part: hour, between: [22, 6]", "2024-07-01T12:00", 0),
    ],
)
def test_calendar(definition: str, time: str, wanted: float) -> None:
    features = read_features(f"[{{name: c, template: calendar, {definition}}}]", SCHEMA)
    out = np.full((1, 1), -1.0)
    key = np.zeros(1, dtype=np.int64)
    times_ms = np.array([time], dtype="datetime64[ms]").astype(np.int64)
    features.complete(Batch(["1"], key, key, times_ms, ["anna"], {}, np.zeros((1, 1)), key), out)
    assert out[0, 0] == wanted


def test_a_column_that_features_share_is_paid_for_once() -> None:
    line = "- {{name: f{at}, template: count, window: 1h, where: 'event.category.matches(\"^[a-z]+$\")'}}"
    read_features("\n".join(line.format(at=at) for at in range(1_000)), SCHEMA)
    other = "- {{name: f{at}, template: count, window: 1h, where: 'event.category.matches(\"^[a-z]+{at}$\")'}}"
    with pytest.raises(Refusal, match="features too costly: expected at most 200000 ns an event"):
        read_features("\n".join(other.format(at=at) for at in range(1_000)), SCHEMA)


def test_expressions_that_are_dear_to_compile_together_are_refused_at_the_one_that_is_too_much() -> None:
    dear = "[" + ", ".join(["1"] * 900) + "].all(x, x > 0)"  # over constants alone: it costs an event nothing
    text = "".join(f'- {{name: f{n}, expression: "{dear}"}}\n' for n in range(100))
    with pytest.raises(Refusal, match=r"f.yaml:\d+:3: expressions too large together: expected at most 50000 .* shorten the largest: f0"):
        read_features(text, SCHEMA, "f.yaml")


def calls_of(action: Callable[[], object]) -> int:
    """Functions of Python that `action` calls."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


def test_compiling_many_windows_costs_in_proportion_to_their_number() -> None:
    def text(count: int) -> str:
        return "".join(f"- {{name: f{n}, template: sum, value: event.amount, window: {n + 1}m}}\n" for n in range(count))

    read_features(text(1), SCHEMA)
    few, many = (calls_of(lambda count=count: read_features(text(count), SCHEMA)) for count in (50, 400))  # type: ignore[misc]
    assert many < 10 * few


def test_a_chain_of_expressions_may_be_longer_than_python_recurses() -> None:
    text = "\n".join(f"- {{name: f{at}, expression: feature.f{at + 1} + 1.0}}" for at in range(1_500))
    features = read_features(text + "\n- {name: f1500, template: count, window: 1h}", SCHEMA)
    assert features.behind(["f0"])[-1] == "f1500"
