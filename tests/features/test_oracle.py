"""The oracle itself, against a few numbers worked out by hand for each template."""

import math
from decimal import Decimal

import pytest
from oracle import Oracle
from oracle_view import Said

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
MIDNIGHT_MS = 1_704_067_200_000  # Monday, 2024-01-01 in UTC
V = Said("event.v", lambda fields: fields["v"])
C = Said("event.c", lambda fields: fields["c"])
PLACE = {name: Said(f"event.{name}", lambda fields, name=name: fields[name]) for name in ("latitude", "longitude")}
LARGE = Said("event.v > 2.0", lambda fields: fields["v"] is not None and fields["v"] > 2)


def event(id: int, hours: float, v: object = None, op: str = "add", user: str = "a", **said: object) -> dict:
    nothing = dict.fromkeys(("c", "latitude", "longitude", "shop"))
    return {"id": id, "time_ms": MIDNIGHT_MS + int(hours * HOUR_MS), "op": op, "fields": {**nothing, "user": user, "v": v, **said}}


def run(definition: dict, events: list[dict]) -> list[tuple[str, float | None]]:
    oracle = Oracle([{"name": "f", **definition}], "user", lateness_ms=2 * HOUR_MS, retention_ms=40 * DAY_MS)
    return [(fate, features["f"]) for fate, features in map(oracle.arrive, events)]


def values(definition: dict, events: list[dict]) -> list[float | None]:
    return [value for _, value in run(definition, events)]


def numbers(*amounts: object) -> list[dict]:
    """Events an hour apart."""
    return [event(n, n, amount) for n, amount in enumerate(amounts)]


def texts(said: str) -> list[dict]:
    return [event(n, n, c=None if text == "-" else text) for n, text in enumerate(said)]


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("count", [1, 2, 2, 3]),
        ("sum", [2.0, 6.5, 6.5, 8.0]),
        ("mean", [2.0, 3.25, 3.25, 8 / 3]),
        ("std", [None, math.sqrt(3.125), math.sqrt(3.125), math.sqrt(31 / 12)]),
        ("min", [2.0, 2.0, 2.0, 1.5]),
        ("max", [2.0, 4.5, 4.5, 4.5]),
        ("last", [2.0, 4.5, 4.5, 1.5]),
        ("previous", [None, 2.0, 4.5, 4.5]),
        ("first", [2.0, 2.0, 2.0, 2.0]),
        ("z_score", [None, None, None, (1.5 - 3.25) / math.sqrt(3.125)]),
        ("quantile_rank", [None, 1.0, None, 0.0]),
    ],
)
def test_numbers(template, wanted) -> None:
    amounts = numbers(Decimal("2.00"), Decimal("4.50"), None, Decimal("1.50"))
    assert values({"template": template, "value": V, "window": "1d"}, amounts) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("definition", "wanted"),
    [
        ({"template": "distinct"}, [1, 1, 2, 2]),
        ({"template": "top_share"}, [1, 1, 2 / 3, 2 / 3]),
        ({"template": "top_share", "of": "own"}, [1, 1, 1 / 3, None]),
        ({"template": "is_new"}, [1, 0, 1, None]),
        ({"template": "entropy"}, [0, 0, *[math.log2(3) - 2 / 3] * 2]),
    ],
)
def test_texts(definition, wanted) -> None:
    assert values({**definition, "value": C, "window": "1d"}, texts("aab-")) == pytest.approx(wanted)


def test_a_transition_seen_once_of_two_is_less_surprising_than_one_never_seen() -> None:
    made = values({"template": "transition_surprise", "value": C, "window": "1d"}, texts("abaaa"))
    # Third: none begins with b. Fourth: of a one step, to b. Fifth: of a two, one of them to a; two values.
    assert made == pytest.approx([None, -math.log2(1 / 2), -math.log2(1 / 3), -math.log2(1 / 4), -math.log2(2 / 5)])


@pytest.mark.parametrize(
    ("window", "wanted"),
    [
        ("1h", [1, 1, 1, 1, 2]),
        ({"length": "2h", "delay": "1h"}, [0, 1, 2, 0, 0]),
        ({"calendar": "day"}, [1, 2, 3, 1, 2]),
        ({"calendar": "day", "zone": "Asia/Tokyo"}, [1, 2, 3, 1, 2]),
        ({"calendar": "month"}, [1, 2, 3, 4, 5]),
        ({"session": "1h"}, [1, 2, 3, 1, 2]),
        ({"last": 2}, [1, 2, 2, 2, 2]),
        ("unbounded", [1, 2, 3, 4, 5]),
    ],
)
def test_windows(window, wanted) -> None:
    """At hours 0, 1, 2, 26 and 26.5."""
    events = [event(n, hours) for n, hours in enumerate((0, 1, 2, 26, 26.5))]
    assert values({"template": "count", "window": window}, events) == wanted


def test_conditions_and_without_the_event_itself() -> None:
    amounts = numbers(Decimal(3), Decimal(1), None, Decimal(4))
    assert values({"template": "count", "window": {"last": 2}, "where": LARGE}, amounts) == [1, 1, 1, 2]
    assert values({"template": "count", "window": "1d", "include_current": False}, amounts) == [0, 1, 2, 3]


def test_last_and_sessions_end_where_retention_does() -> None:
    events = [event(0, 0), event(1, 40 * 24 - 1), event(2, 40 * 24)]
    assert values({"template": "count", "window": {"last": 3}}, events) == [1, 2, 2]
    assert values({"template": "count", "window": {"session": "100d"}}, events) == [1, 2, 2]


def test_times() -> None:
    events = [event(0, 0), event(1, 1), event(2, 3)]
    assert values({"template": "time_since_last", "window": "1d"}, events) == [None, 3_600, 7_200]
    assert values({"template": "age"}, events) == [0, 3_600, 10_800]
    assert values({"template": "rate", "window": "2h"}, events) == [0.5, 1.0, 0.5]


def test_fading() -> None:
    amounts = numbers(Decimal(1), Decimal(4))
    assert values({"template": "ew_mean", "value": V, "half_life": "1h"}, amounts) == pytest.approx([1, 3])
    assert values({"template": "ew_std", "value": V, "half_life": "1h"}, amounts) == pytest.approx([None, math.sqrt(2)])


def test_the_hour() -> None:
    same = values({"template": "time_of_day", "window": "unbounded"}, [event(n, 24 * n) for n in range(3)])
    assert same == pytest.approx([None, None, 1])
    # Means at 0 and 6 o'clock: R = 1/sqrt 2, the middle of the three formulas; 9 o'clock is a right angle from the mean.
    assert values({"template": "time_of_day", "window": "1d"}, [event(0, 0), event(1, 6), event(2, 9)])[2] == pytest.approx(
        math.exp(-(-0.4 + 1.39 * math.sqrt(0.5) + 0.43 / (1 - math.sqrt(0.5))))
    )


def test_a_quarter_of_the_equator_in_an_hour() -> None:
    events = [event(0, 0, latitude=0.0, longitude=0.0), event(1, 0.5, longitude=1.0), event(2, 1, latitude=0.0, longitude=90.0)]
    quarter_km = 6371.0088 * math.pi / 2
    assert values({"template": "geo_distance", "window": "1d", **PLACE}, events) == pytest.approx([None, None, quarter_km])
    assert values({"template": "geo_speed", "window": "1d", **PLACE}, events) == pytest.approx([None, None, quarter_km])


def test_a_label_counts_from_its_own_time_on() -> None:
    oracle = Oracle(
        [
            {"name": "n", "template": "label_count", "window": "1d"},
            {"name": "rate", "template": "label_rate", "window": "1d"},
            {"name": "labelled", "template": "label_rate", "window": "1d", "of": "labelled"},
            {"name": "prior", "template": "label_rate", "window": "1d", "prior": {"rate": 0.5, "weight": 2}},
        ],
        "user",
        lateness_ms=0,
        retention_ms=DAY_MS,
    )
    oracle.label("a", 0, 1, MIDNIGHT_MS + 2 * HOUR_MS)
    made = [list(oracle.arrive(event(n, n))[1].values()) for n in range(3)]
    assert made == [[0, 0, None, 1 / 3], [0, 0, None, 1 / 4], [1, 1 / 3, 1, 2 / 5]]


def test_a_burst() -> None:
    """Ticks with one, one and two events: s = 1, a = 1.5 in the second; s = 2.5, a = 1.75 and 2.75 in the third."""
    events = [event(n, minutes / 60) for n, minutes in enumerate((0, 1, 2, 2))]
    wanted = [0, (1.5 + 1 - 3) ** 2 / 1, (1.75 + 2.5 - 5.25) ** 2 / 5, (2.75 + 2.5 - 8.25) ** 2 / 5]
    assert values({"template": "burst"}, events) == pytest.approx([math.log1p(score) for score in wanted])


def test_users_of_a_shop() -> None:
    events = [event(n, n, user=user, shop="s") for n, user in enumerate("abac")]
    assert values({"template": "linked_count", "entity": "shop", "window": "1d"}, events) == [1, 2, 2, 3]
    assert values({"template": "count", "entity": ["user", "shop"], "window": "1d"}, events) == [1, 1, 2, 1]


def test_what_becomes_of_events() -> None:
    first, second = event(1, 0, Decimal(1)), event(2, 5, Decimal(2))
    steps = [first, second, second, {**second, "fields": first["fields"]}, event(3, 4), event(4, 1), event(9, 5, op="correct")]
    steps += [event(2, 5, Decimal(7), "correct"), event(5, 6, Decimal(1)), event(2, 5, op="retract"), event(6, 7, Decimal(1))]
    fates = ["scored", "scored", "duplicate", "id reused", "late", "too late", "unknown", "corrected", "scored", "retracted", "scored"]
    made = run({"template": "sum", "value": V, "window": "1d"}, steps)
    assert [fate for fate, _ in made] == fates
    assert [value for _, value in made] == [1, 3, None, None, 1, None, None, 8, 9, None, 3]
