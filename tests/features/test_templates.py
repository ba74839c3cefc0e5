"""Every template has all its parts, and what it makes is what its description says."""

import math
import warnings

import numpy as np
import pytest

from features.definitions.template import EXAMPLE_SCHEMA, Template
from features.definitions.template_registry import TEMPLATES
from features.definitions.templates.time_of_day import concentration
from features.definitions.window_parser import FORMS
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import FeatureSet, read_features

SCHEMA = read_schema(EXAMPLE_SCHEMA)
HOUR_MS = 3_600_000
MIDNIGHT_MS = 1_704_067_200_000  # 2024-01-01 in UTC


def batch_of(rows: list[dict]) -> Batch:
    """Events of one customer, an hour apart where nothing else is said; amounts in cents."""
    n = len(rows)
    numbers = [[row.get(name, math.nan) for name in ("amount", "latitude", "longitude")] for row in rows]
    ids = np.arange(n)
    return Batch(
        ids=[str(at) for at in range(n)],
        id_keys=ids,
        orders=ids,
        times_ms=np.array([MIDNIGHT_MS + int(row.get("hours", at) * HOUR_MS) for at, row in enumerate(rows)]),
        users=[row.get("user", "anna") for row in rows],
        entities={kind: [row.get(kind, "") for row in rows] for kind in SCHEMA.entities},
        numbers=np.array(numbers),
        body_keys=ids,
        texts={"merchant_category": [row.get("category") for row in rows], "country": [row.get("country") for row in rows]},
    )


def features_of(text: str, rows: list[dict]) -> dict[str, list[float]]:
    """Each feature's values by name, as the stages compute them."""
    features, batch = read_features(text, SCHEMA), batch_of(rows)
    out = np.full((len(rows), len(features.names)), np.nan)
    for kind in reversed(features.kinds):
        observe(features, kind, batch, out)
    features.complete(batch, out)
    return {name: out[:, at].tolist() for at, name in enumerate(features.names)}


def observe(features: FeatureSet, kind: str, batch: Batch, out: np.ndarray) -> None:
    keys = features.key(kind, batch)
    there = np.flatnonzero([key != "" for key in keys])
    own, plan = batch.take(there), features.plans[kind]
    profiles = Profiles(plan, durable=False)
    read = np.empty((len(own), plan.width))
    values = plan.row_values.of(own)
    profiles.observe(profiles.slots([keys[at] for at in there]), own, values, read)
    out[there[:, None], features.columns[kind]] = features.finish(kind, read, values, own.times_ms)


def values_of(definition: str, rows: list[dict]) -> list[float]:
    return features_of(f"[{{name: f, {definition}}}]", rows)["f"]


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_has_all_its_parts(template: Template) -> None:
    assert template.meaning.endswith(".") and template.unit and template.cost_ns > 0
    assert template.parameters and all(parameter.meaning for parameter in template.parameters)
    assert len({parameter.name for parameter in template.parameters}) == len(template.parameters)
    assert set(template.unsuited) <= set(FORMS) and all(template.unsuited.values())
    assert template.has("window") or not template.unsuited


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_the_example_of_a_template_runs(template: Template) -> None:
    made = features_of(template.example, [{"amount": 100.0, "terminal_id": "t", "device_id": "d", "latitude": 1.0, "longitude": 2.0}] * 3)
    definitions = read_features(template.example, SCHEMA).definitions
    assert list(definitions.values())[-1].template is template
    assert list(made) == list(definitions)


WINDOWS = {
    "sliding": "6h",
    "delay": "{length: 6h, delay: 1h}",
    "calendar": "{calendar: week}",
    "session": "{session: 1h}",
    "last": "{last: 3}",
    "unbounded": "unbounded",
}
WINDOWED = [
    (template, form) for template in TEMPLATES.values() if template.has("window") for form in WINDOWS if form not in template.unsuited
]


@pytest.mark.parametrize(("template", "form"), WINDOWED, ids=[f"{template.name}-{form}" for template, form in WINDOWED])
def test_a_template_compiles_over_every_window_that_suits_it(template: Template, form: str) -> None:
    required = {"value": "event.amount", "entity": "device_id", "latitude": "event.latitude", "longitude": "event.longitude"}
    given = ", ".join(f"{name}: {required[name]}" for name in required if parameter_is_required(template, name))
    read_features(f"[{{name: f, template: {template.name}, {given + ', ' if given else ''}window: {WINDOWS[form]}}}]", SCHEMA)


def parameter_is_required(template: Template, name: str) -> bool:
    return any(parameter.name == name and parameter.default is None for parameter in template.parameters)


AMOUNTS = [{"amount": amount} for amount in (1000.0, 2000.0, 4000.0, 2000.0)]
DEVICES = [{"device_id": device} for device in ("a", "b", "a", "", "c")]
NAN = math.nan
MADE = {
    "count of events with a value": ("template: count, value: event.device_id, window: 1d", DEVICES, [1, 2, 3, 3, 4]),
    "sum in major units": ("template: sum, value: event.amount, window: 1d", AMOUNTS, [10, 30, 70, 90]),
    "sum of an expression": ("template: sum, value: event.amount * 2.0, window: 1d", AMOUNTS, [20, 60, 140, 180]),
    "mean where": ("template: mean, value: event.amount, window: 1d, where: event.amount < 30.0", AMOUNTS, [10, 15, 15, 50 / 3]),
    "mean of truth": ("template: mean, value: event.amount > 15.0, window: 1d", AMOUNTS, [0, 0.5, 2 / 3, 0.75]),
    "last": ("template: last, value: event.amount, window: 1d", AMOUNTS, [10, 20, 40, 20]),
    "previous": ("template: previous, value: event.amount, window: 1d", AMOUNTS, [NAN, 10, 20, 40]),
    "first": ("template: first, value: event.amount, window: 2h", AMOUNTS, [10, 10, 20, 40]),
    "distinct": ("template: distinct, value: event.device_id, window: 1d", DEVICES, [1, 2, 2, 2, 3]),
    "distinct before": ("template: distinct, value: event.device_id, window: 1d, include_current: false", DEVICES, [0, 1, 2, 2, 2]),
    "distinct of joined texts": (
        "template: distinct, value: \"event.country + '/' + event.merchant_category\", window: 1d",
        [{"country": "FR", "category": "a"}, {"country": "FR", "category": "b"}, {"country": "FR"}, {"country": "FR", "category": "a"}],
        [1, 2, 2, 2],
    ),
    "share of the commonest": ("template: top_share, value: event.device_id, window: 1d", DEVICES, [1, 0.5, 2 / 3, 2 / 3, 0.5]),
    "share of the own": ("template: top_share, of: own, value: event.device_id, window: 1d", DEVICES, [1, 0.5, 2 / 3, NAN, 0.25]),
    "is_new": ("template: is_new, value: event.device_id, window: 1d", DEVICES, [1, 1, 0, NAN, 1]),
    "is_new over an hour": ("template: is_new, value: event.device_id, window: 2h", DEVICES, [1, 1, 1, NAN, 1]),
    "entropy": ("template: entropy, value: event.device_id, window: 1d, include_current: false", DEVICES[:3], [NAN, 0, 1]),
    "time_since_last": ("template: time_since_last, window: 1d", [{"hours": 0}, {"hours": 2}, {"hours": 2.5}], [NAN, 7200, 1800]),
    "age": ("template: age", [{"hours": 0}, {"hours": 2}, {"hours": 2.5}], [0, 7200, 9000]),
    "age before": ("template: age, include_current: false", [{"hours": 0}, {"hours": 2}], [NAN, 7200]),
    "rate": ("template: rate, window: 2h", AMOUNTS, [0.5, 1, 1, 1]),
    "rate a day": ("template: rate, per: 1d, window: 2h", AMOUNTS[:2], [12, 24]),
    "z_score": ("template: z_score, value: event.amount, window: 1d", AMOUNTS[:3], [NAN, NAN, 25 / math.sqrt(50)]),
    "z_score of what is all alike": ("template: z_score, value: event.amount, window: 1d", [{"amount": 1.0}] * 3, [NAN, NAN, NAN]),
    "quantile_rank": ("template: quantile_rank, value: event.amount, window: 1d", AMOUNTS, [NAN, 1, 1, 0.5]),
    "ew_mean": ("template: ew_mean, value: event.amount, half_life: 1h", AMOUNTS[:2], [10, (5 + 20) / 1.5]),
    "ew_std": ("template: ew_std, value: event.amount, half_life: 1h", AMOUNTS[:2], [NAN, math.sqrt((50 + 400) / 1.5 - (25 / 1.5) ** 2)]),
    "time_of_day at the usual hour": ("template: time_of_day, window: 9d", [{"hours": 24 * day} for day in range(3)], [NAN, NAN, 1]),
    "time_of_day at the opposite": ("template: time_of_day, window: 9d", [{"hours": at} for at in (0, 24, 60)], [NAN, NAN, 0]),
    "geo_distance": (
        "template: geo_distance, latitude: event.latitude, longitude: event.longitude, window: 1d",
        [{"latitude": 0.0, "longitude": 0.0}, {"latitude": 5.0}, {"latitude": 0.0, "longitude": 90.0}, {}],
        [NAN, NAN, 6371.0088 * math.pi / 2, NAN],
    ),
    "geo_speed": (
        "template: geo_speed, latitude: event.latitude, longitude: event.longitude / 2.0, window: 1d",
        [{"latitude": 0.0, "longitude": 0.0}, {"longitude": 5.0}, {"latitude": 0.0, "longitude": 180.0}],
        [NAN, NAN, 6371.0088 * math.pi / 4],
    ),
    "geo_speed within a second": (
        "template: geo_speed, latitude: event.latitude, longitude: event.longitude, window: 1d",
        [{"latitude": 0.0, "longitude": 0.0, "hours": 0}, {"latitude": 0.0, "longitude": 180.0, "hours": 0}],
        [NAN, 6371.0088 * math.pi * 3600],
    ),
    "label_rate": ("template: label_rate, window: 1d", AMOUNTS[:2], [0, 0]),
    "label_rate with a prior": ("template: label_rate, window: 1d, prior: {rate: 0.5, weight: 2}", AMOUNTS[:2], [1 / 3, 1 / 4]),
    "transition_surprise": (
        "template: transition_surprise, value: event.device_id, window: 1d",
        [{"device_id": device} for device in "ababb"],
        [NAN, *(-math.log2(share) for share in (1 / 2, 1 / 3, 2 / 4, 1 / 4))],
    ),
    "burst": ("template: burst, tick: 1h", [{"hours": at} for at in (0, 1, 1.1)], [0, math.log1p(0.25), math.log1p(2.25)]),
    "linked_count": (
        "template: linked_count, entity: device_id, window: 1d",
        [{"user": user, "device_id": device} for user, device in zip("abacc", ["x", "x", "x", "", "y"], strict=True)],
        [1, 2, 2, NAN, 1],
    ),
    "a pair": (
        "template: count, entity: [device_id, customer_id], window: 1d",
        [{"user": user, "device_id": device} for user, device in (("anna", "x"), ("bert", "x"), ("anna", "x"), ("anna", ""))],
        [1, 1, 2, NAN],
    ),
    "calendar": ("template: calendar, part: hour, zone: Europe/Paris", [{"hours": 0}, {"hours": 23}], [1, 0]),
    "expression": ("expression: event.amount > 15.0", AMOUNTS[:2], [0, 1]),
    "expression over something missing": ("expression: event.latitude + 1.0", AMOUNTS[:1], [NAN]),
    "a calendar window": (
        "template: count, window: {calendar: day, zone: Europe/Paris}",
        [{"hours": at} for at in (22, 22.5, 23)],
        [1, 2, 1],
    ),
    "a session": ("template: count, window: {session: 1h}", [{"hours": 0}, {"hours": 1}, {"hours": 2}, {"hours": 3.5}], [1, 2, 3, 1]),
    "the last two": ("template: sum, value: event.amount, window: {last: 2}", AMOUNTS, [10, 30, 60, 60]),
}


@pytest.mark.parametrize(("definition", "rows", "wanted"), MADE.values(), ids=MADE.keys())
def test_a_template_makes_what_it_says(definition: str, rows: list[dict], wanted: list[float]) -> None:
    assert values_of(definition, rows) == pytest.approx(wanted, rel=1e-12, abs=1e-9, nan_ok=True)


def test_expressions_read_features_that_stand_below_them_and_of_any_entity() -> None:
    text = """
- {name: share, expression: "feature.ratio > 1.0 ? feature.devices : 0.0"}
- {name: ratio, expression: "event.amount / feature.usual"}
- {name: usual, template: mean, value: event.amount, window: 1d, include_current: false}
- {name: devices, template: count, entity: device_id, window: 1d}
"""
    rows = [{"amount": amount, "device_id": "d"} for amount in (1000.0, 2000.0, 1500.0)]
    made = features_of(text, rows)
    assert made["ratio"] == pytest.approx([NAN, 2, 1], nan_ok=True)
    assert made["share"] == pytest.approx([NAN, 2, 0], nan_ok=True)


def test_equal_aggregates_are_read_once_however_many_features_name_them() -> None:
    text = """
- {name: a, template: mean, value: event.amount, window: 24h, where: "event.amount>5.0"}
- {name: b, template: mean, value: (event.amount), window: 1d, where: event.amount > 5.0}
- {name: z, template: z_score, value: event.amount, window: 1d, where: event.amount > 5.0}
- {name: y, template: z_score, value: event.amount, window: 1d, where: "(event.amount > 5.0)"}
"""
    features = read_features(text, SCHEMA)
    plan = features.plans["customer_id"]
    assert plan.width == 3
    assert sum(column.name == "event.amount > 5.0" for column in plan.columns) == 1
    made = features_of(text, AMOUNTS)
    assert made["a"] == made["b"] == [10, 15, pytest.approx(70 / 3), 22.5]
    assert made["z"][2:] == made["y"][2:]


def test_both_orders_of_a_pair_are_one_kind() -> None:
    text = "[{name: a, template: count, entity: [device_id, terminal_id], window: 1h},"
    features = read_features(text + "{name: b, template: count, entity: [terminal_id, device_id], window: 2h}]", SCHEMA)
    assert features.kinds == ("customer_id", "terminal_id+device_id")


def test_kinds_are_the_user_then_entities_of_the_schema_then_pairs_in_order_of_use() -> None:
    used = ("[device_id, customer_id]", "device_id", "[terminal_id, device_id]", "terminal_id")
    text = "\n".join(f"- {{name: f{at}, template: count, entity: {entity}, window: 1h}}" for at, entity in enumerate(used))
    wanted = ("customer_id", "terminal_id", "device_id", "customer_id+device_id", "terminal_id+device_id")
    assert read_features(text, SCHEMA).kinds == wanted


def test_retained_fields_are_columns_of_every_kind() -> None:
    features = read_features("[{name: n, template: count, entity: device_id, window: 1h}]", SCHEMA)
    for plan in features.plans.values():
        assert [(column.name, column.scale, column.retained) for column in plan.columns] == [
            ("event.amount", 100.0, True),
            ("event.merchant_category", 1.0, True),
        ]


def test_a_retained_field_that_a_feature_reads_stays_one_retained_column() -> None:
    [plan] = read_features("[{name: s, template: sum, value: event.amount, window: 1h}]", SCHEMA).plans.values()
    assert [column.retained for column in plan.columns if column.name == "event.amount"] == [True]


def test_concentration_grows_with_the_mean_length_and_has_a_bound() -> None:
    r = np.array([0.0, 0.3, 0.529, 0.53, 0.849, 0.85, 0.99, 0.9999, 1.0, 1.0 + 1e-15])
    kappa = concentration(r)
    assert kappa[0] == 0.0 and (np.diff(kappa) >= 0.0).all() and kappa[-1] == kappa[-2] == 1000.0
    assert kappa[1] == pytest.approx(2 * 0.3 + 0.3**3 + 5 * 0.3**5 / 6)


@pytest.mark.parametrize("template", ["geo_distance", "geo_speed"])
def test_places_beyond_all_numbers_have_no_distance_and_nothing_is_said_of_them_in_the_log(template: str) -> None:
    text = f"- {{name: away, template: {template}, latitude: event.latitude, longitude: event.longitude, window: 7d}}\n"
    features = read_features(text, SCHEMA)
    plan = features.plans["customer_id"]
    read = np.array([[np.inf, 1.0, 5.0], [1.0, np.inf, 5.0], [-np.inf, -np.inf, 5.0]])[:, : plan.width].copy()
    values = np.ones((3, len(plan.columns)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(features.finish("customer_id", read, values, np.zeros(3, np.int64))).all()
