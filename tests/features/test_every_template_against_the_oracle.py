"""Every template, window and entity, from YAML to features, on random arrivals, against the oracle; saved and restored in between."""

import math
from decimal import Decimal

import pytest
from example_counts import IS_DEEP, examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracle import Oracle
from template_streams import (
    AMOUNT,
    CASES,
    CATEGORY,
    DAY_MS,
    EXACT,
    FLAGS,
    HOUR_MS,
    SCHEMA,
    SHOP,
    Stage,
    X,
    arrivals,
    batch_of,
    definitions_of,
    runs_of,
    yaml_of,
)

from features.definitions.template_registry import TEMPLATES
from features.layout.layout import CORRECTED, DUPLICATE, WARMING
from features.sets.feature_set import read_features


def same(value: float, want: float | None, template: str, exact: bool) -> bool:
    if want is None:
        return math.isnan(value)
    return value == want if exact else math.isclose(value, want, rel_tol=1e-9, abs_tol=ABSOLUTE.get(template, 1e-12))


# A decayed deviation is a small difference of large sums; that of one value must be 0, and is the root of what is rounded.
ABSOLUTE = {"ew_std": 1e-3, "ew_mean": 1e-9, "std": 1e-9}


def check(definitions: list[dict], steps: list[dict], cuts: set[int]) -> None:
    features = read_features(yaml_of(definitions), SCHEMA)
    stages = {kind: Stage(features, kind) for kind in features.kinds}
    oracle = Oracle(definitions, "user", SCHEMA.lateness_ms, SCHEMA.retention_ms)
    for run in runs_of(steps, cuts):
        if "label" in run[0]:
            label = run[0]
            oracle.label(label["of"]["fields"]["user"], label["of"]["id"], label["label"], label["visible_ms"])
            for stage in stages.values():
                stage.label(label)
            continue
        batch = batch_of(run)
        got = {kind: stage.observe(batch) for kind, stage in stages.items()}
        for at, event in enumerate(run):
            fate, right = oracle.arrive(event)
            flag = int(got["user"][0][at])
            assert flag & ~WARMING == FLAGS[fate], (fate, flag, event)
            if fate in ("id reused", "too late"):  # nobody sees what the entities said of it
                continue
            for kind, (_, made) in got.items():
                for place, value in zip(features.columns[kind].tolist(), made[at].tolist(), strict=True):
                    definition = definitions[place]
                    want = right[definition["name"]]
                    exact = definition["template"] in EXACT and definition.get("value") in (AMOUNT, CATEGORY, SHOP, None)
                    assert same(value, want, definition["template"], exact), (definition, kind, event, value, want, steps)
        for stage in stages.values():
            stage.save_and_restore()


SETTINGS = settings(
    max_examples=examples(18),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if IS_DEEP else [])],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("template", CASES)
@SETTINGS
@given(steps=arrivals(), cuts=st.sets(st.integers(0, 30), max_size=4), which=st.randoms(use_true_random=False))
def test_a_template_equals_the_oracle(template, steps, cuts, which) -> None:
    definitions = definitions_of(template)
    check(which.sample(definitions, min(len(definitions), 24)), steps, cuts)


def test_every_template_is_checked() -> None:
    assert {definition.name for definition in TEMPLATES.values()} == {*CASES, "calendar", "expression"}
    for template in CASES:
        assert len(read_features(yaml_of(definitions_of(template)), SCHEMA).names) == len(definitions_of(template))


def event(time_ms: int, id: int, op: str = "add", **said) -> dict:
    nothing = dict.fromkeys(("amount", "x", "category", "latitude", "longitude"))
    return {"id": id, "time_ms": time_ms, "op": op, "fields": {**nothing, "user": "a", "shop": "s", "device": "d", **said}}


def test_a_burst_over_an_hours_edge_is_seen_whole() -> None:
    """Ten payments in ten minutes, five on each side of the hour: windows that hop by the hour would see five."""
    noon_ms = 1_700_000_000_000 // HOUR_MS * HOUR_MS
    payments = [event(noon_ms - 4 * 60_000 - 30_000 + 60_000 * n, n) for n in range(10)]
    assert sum(payment["time_ms"] < noon_ms for payment in payments) == 5
    stage = Stage(read_features("- {name: count_1h, template: count, window: 1h}", SCHEMA), "user")
    assert stage.observe(batch_of(payments))[1][:, 0].tolist() == list(range(1, 11))


def test_an_event_sent_again_after_its_correction_is_a_duplicate() -> None:
    stage = Stage(read_features("- {name: n, template: count, window: 1h}", SCHEMA), "user")
    first = event(1_700_000_000_000, 1, amount=Decimal(1))
    flags, _ = stage.observe(batch_of([first, {**first, "op": "correct", "fields": {**first["fields"], "amount": Decimal(2)}}, first]))
    assert flags.tolist() == [0, CORRECTED, DUPLICATE]


def test_a_value_taken_back_leaves_the_older_ones_their_weights() -> None:
    t = 1_700_000_000_000
    newest = event(t + 14 * DAY_MS, 3, x=2.0)
    steps = [event(t, 1, x=1.0), event(t + 1, 2, x=2.0), newest, {**newest, "op": "correct", "fields": {**newest["fields"], "x": None}}]
    check([{"name": "spread", "template": "ew_std", "value": X, "half_life": "10m"}], steps, set())
