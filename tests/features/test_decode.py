import json
import math
import pathlib

import numpy as np
import pytest
from bad_events import GOOD, NOW, bad_events
from bad_events import SCHEMA as SCHEMA_TEXT
from hypothesis import given
from hypothesis import strategies as st

from features.schema.batch import Batch
from features.schema.decode import BYTES_MAX, Decoder
from features.schema.event import ADD, CORRECT, RETRACT
from features.schema.schema import read_schema
from foundation.refusal import Refusal

SCHEMA = read_schema(SCHEMA_TEXT)
LATER = 1_800_000_000_000


def decode(value: object, now: int = NOW):
    return Decoder(SCHEMA).decode(value if isinstance(value, bytes) else json.dumps(value).encode(), now)


def test_a_good_event_is_decoded_in_full() -> None:
    event = decode(GOOD)
    assert (event.id, event.id_key, event.time_ms, event.user) == ("7", 7, NOW, "c-1")
    assert event.entities == ["12", "t"]
    numbers = np.frombuffer(event.numbers)
    assert numbers[0] == 1005.0
    assert math.isnan(numbers[1])
    assert numbers[2:].tolist() == [3.0, 1.0]
    assert event.texts == ["books", None]


@pytest.mark.parametrize(("given", "code"), [({}, ADD), ({"op": "add"}, ADD), ({"op": "correct"}, CORRECT), ({"op": "retract"}, RETRACT)])
def test_the_operation_of_an_event_is_add_unless_it_says_otherwise(given: dict[str, str], code: int) -> None:
    assert decode({**GOOD, **given}).op == code


def test_texts_and_operations_are_columns_that_can_be_taken_apart() -> None:
    changes: list[dict[str, object]] = [{}, {"op": "retract", "note": "n", "category": "toys"}, {"op": "correct", "note": None}]
    batch = Batch.of([decode({**GOOD, **change}) for change in changes], SCHEMA)
    assert batch.texts == {"category": ["books", "toys", "books"], "note": [None, "n", None]}
    assert batch.ops.tolist() == [ADD, RETRACT, CORRECT]
    part = batch.take([2, 1])
    assert part.texts == {"category": ["books", "toys"], "note": [None, "n"]}
    assert part.ops.tolist() == [CORRECT, RETRACT]


BAD = bad_events(NOW)


@pytest.mark.parametrize(("value", "where"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_is_refused_with_its_field(value: bytes, where: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode(value)
    assert caught.value.where == where
    assert caught.value.what
    assert caught.value.expected
    assert caught.value.got


def test_the_limits_themselves_are_accepted() -> None:
    event = decode({**GOOD, "amount": 10**13, "id": (1 << 63) - 1, "ts": NOW + 300_000, "items": 1 << 53})
    assert np.frombuffer(event.numbers)[0] == 1e15
    with pytest.raises(Refusal, match="too large"):
        decode(b" " * (BYTES_MAX + 1))


@given(st.integers(-(10**15), 10**15))
def test_every_decimal_is_exact_as_a_number_and_as_a_text(minor: int) -> None:
    text = f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"
    for given_as in (text, f'"{text}"'):
        event = Decoder(SCHEMA).decode(json.dumps(GOOD).replace("10.05", given_as).encode(), NOW)
        assert np.frombuffer(event.numbers)[0] == minor


@given(st.integers(-(10**13), 10**13), st.integers(1, 9))
def test_a_third_digit_is_always_refused(whole: int, digit: int) -> None:
    for given_as in (f"{whole}.00{digit}", f'"{whole}.00{digit}"'):
        if abs(whole) > 10**12:
            continue
        with pytest.raises(Refusal):
            Decoder(SCHEMA).decode(json.dumps(GOOD).replace("10.05", given_as).encode(), NOW)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(value: bytes) -> None:
    with pytest.raises(Refusal):
        decode(value)


@given(
    st.dictionaries(
        st.sampled_from(sorted(GOOD)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["token", "x"]), inner, max_size=2),
            max_leaves=4,
        ),
    )
)
def test_any_value_in_any_field_is_decoded_or_refused(changes: dict[str, object]) -> None:
    try:
        event = decode({**GOOD, **changes})
    except Refusal as refusal:
        refused = refusal.where
        assert refused
    else:
        assert 0 <= event.time_ms <= NOW + SCHEMA.max_ahead_ms
        assert Batch.of([event], SCHEMA).numbers.shape == (1, 4)


@pytest.mark.parametrize(
    ("unit", "given_as", "wanted"),
    [
        ("s", 1_600_000_000, 1_600_000_000_000),
        ("s", 1_600_000_000.25, 1_600_000_000_250),
        ("us", 1_600_000_000_000_999, 1_600_000_000_000),
        ("rfc3339", "2020-09-13T14:26:40.5+02:00", 1_600_000_000_500),
    ],
)
def test_time_units(unit: str, given_as: object, wanted: int) -> None:
    schema = read_schema(f"{{id: id, time: {{field: ts, unit: {unit}}}, user: u}}")
    assert Decoder(schema).decode(json.dumps({"id": "a", "ts": given_as, "u": "u"}).encode(), NOW).time_ms == wanted


def read_times() -> list[list[str]]:
    """Forms of times, which the Java side reads too: a time that moved no clock there would hold up what waits for its watermark."""
    file = pathlib.Path(__file__).parents[2] / "pipeline" / "java" / "src" / "test" / "resources" / "event_times.tsv"
    return [line.split("\t") for line in file.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("unit", "written", "milliseconds"), read_times())
def test_each_form_of_a_time_is_read_as_the_watermarks_read_it(unit: str, written: str, milliseconds: str) -> None:
    decoder = Decoder(read_schema(f"{{id: id, time: {{field: ts, unit: {unit}}}, user: u}}"))
    event = f'{{"id": "a", "ts": {written}, "u": "u"}}'.encode()
    if milliseconds == "-":
        with pytest.raises(Refusal):
            decoder.decode(event, LATER)
    else:
        assert decoder.decode(event, LATER).time_ms == int(milliseconds)


@pytest.mark.parametrize("seconds", [1e306, -1e306, 10**30, -0.001])
def test_seconds_out_of_range_are_refused(seconds: float) -> None:
    schema = read_schema("{id: id, time: {field: ts, unit: s}, user: u}")
    with pytest.raises(Refusal) as caught:
        Decoder(schema).decode(json.dumps({"id": "a", "ts": seconds, "u": "u"}).encode(), NOW)
    assert caught.value.where == "ts"


@pytest.mark.parametrize("given_as", ["2020-09-13T12:26:40", "2020-13-13T12:26:40Z", "yesterday", 5, 1e300])
def test_a_time_without_a_zone_or_sense_is_refused(given_as: object) -> None:
    schema = read_schema("{id: id, time: {field: ts, unit: rfc3339}, user: u}")
    with pytest.raises(Refusal) as caught:
        Decoder(schema).decode(json.dumps({"id": "a", "ts": given_as, "u": "u"}).encode(), NOW)
    assert caught.value.where == "ts"


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=2, max_size=6))
def test_integer_ids_sort_as_numbers_in_bytes_and_in_columns(ids: list[int]) -> None:
    events = [decode({**GOOD, "id": id_}) for id_ in ids]
    assert sorted(ids) == [event.id_key for event in sorted(events, key=lambda event: event.order)]
    assert Batch.of(events, SCHEMA).orders.tolist() == ids


@given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6))
def test_text_ids_sort_bytewise_in_columns(ids: list[str]) -> None:
    schema = read_schema("{id: id, time: {field: ts}, min_time: 1970-01-01, user: u}")
    events = [Decoder(schema).decode(json.dumps({"id": id_, "ts": 5, "u": 1}).encode(), NOW) for id_ in ids]
    orders = Batch.of(events, schema).orders.tolist()
    for first in range(len(ids)):
        for second in range(len(ids)):
            if events[first].order[:8].ljust(8, b"\0") < events[second].order[:8].ljust(8, b"\0"):
                assert orders[first] < orders[second]


NOISY = [("233.64999999999998", 23365.0), ("0.30000000000000004", 30.0), ("-1.1400000000000001", -114.0)]


@pytest.mark.parametrize(("text", "minor"), NOISY)
def test_noise_of_float_arithmetic_in_a_json_number_is_no_digit(text: str, minor: float) -> None:
    assert np.frombuffer(decode(json.dumps(GOOD).replace("10.05", text).encode()).numbers)[0] == minor


SECONDS = [("ms", 1_767_884_551), ("us", 1_767_884_551_000), ("s", 1_767_884), ("rfc3339", "1999-12-31T23:59:59.999Z")]


@pytest.mark.parametrize(("unit", "given_as"), SECONDS)
def test_a_time_before_2000_is_refused_for_it_is_probably_in_another_unit(unit: str, given_as: object) -> None:
    schema = read_schema(f"{{id: id, time: {{field: ts, unit: {unit}}}, user: u}}")
    with pytest.raises(Refusal) as caught:
        Decoder(schema).decode(json.dumps({"id": "a", "ts": given_as, "u": "u"}).encode(), NOW)
    assert (caught.value.what, caught.value.where) == ("time before min_time", "ts")
    assert caught.value.remedy.startswith("lower min_time" if unit == "rfc3339" else "it looks as if sent in a unit")


@pytest.mark.parametrize(
    ("least", "least_ms"), [("1970-01-01", 0), ("2010-06-01", 1_275_350_400_000), ("2010-06-01T02:00:00+02:00", 1_275_350_400_000)]
)
def test_the_least_time_of_an_event_is_what_the_schema_says(least: str, least_ms: int) -> None:
    schema = read_schema(f'{{id: id, time: {{field: ts}}, min_time: "{least}", user: u}}')
    assert Decoder(schema).decode(b'{"id": "a", "ts": %d, "u": "u"}' % least_ms, NOW).time_ms == least_ms
    with pytest.raises(Refusal):
        Decoder(schema).decode(b'{"id": "a", "ts": %d, "u": "u"}' % (least_ms - 1), NOW)


@pytest.mark.parametrize("given_as", ["yesterday", "1969-12-31", "2000-01-01T00:00:00", "5", "2000-13-01", "[2000-01-01]", "~"])
def test_a_least_time_that_is_no_moment_is_refused_with_line_and_column(given_as: str) -> None:
    with pytest.raises(Refusal, match=r"schema\.yaml:3:11: not a moment"):
        read_schema(f"id: id\ntime: {{field: ts}}\nmin_time: {given_as}\nuser: u")


def test_bytes_that_were_read_are_read_no_second_time_by_the_same_schema_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    value = json.dumps(GOOD).encode()
    read = Decoder(SCHEMA).read(value, NOW)
    assert (bytes(read), read.event) == (value, decode(value))
    later, others = Decoder(SCHEMA), Decoder(read_schema(SCHEMA_TEXT))
    expected = later.decode(value, NOW + 5, "api-1")
    for decoder in (later, others):
        monkeypatch.setattr(decoder, "_decode", lambda _: pytest.fail("it was read again"))
    assert later.decode(read, NOW + 5, "api-1") == expected
    assert read.event == decode(value), "another arrival leaves the first as it was"
    with pytest.raises(pytest.fail.Exception):
        others.decode(read, NOW + 5)


def test_bytes_that_were_read_are_refused_where_their_time_is_too_far_ahead_of_a_clock_that_was_set_back() -> None:
    decoder = Decoder(SCHEMA)
    read = decoder.read(json.dumps(GOOD).encode(), NOW)
    with pytest.raises(Refusal, match="time in the future"):
        decoder.decode(read, NOW - SCHEMA.max_ahead_ms - 1)
