"""A new feature over retained history is what it would be had it always been there, or says that it warms."""

from dataclasses import replace

import numpy as np
import pytest

from features.layout.layout import WARMING
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import read_features

SCHEMA = """
id: {field: id, type: integer}
time: {field: ts}
user: user
fields:
  amount: {type: decimal, retain: true}
  category: {type: string, retain: true, required: false}
  other: {type: float}
retention: %s
"""
HOUR_MS = 3_600_000
EVENTS = 200


def batch_of(first: int, end: int) -> Batch:
    ids = np.arange(first, end, dtype=np.int64)
    random = np.random.default_rng(7)
    numbers = np.floor(random.lognormal(8, 1, (EVENTS, 2)))[first:end]
    categories = [["food", "fuel", "toys", None][k] for k in random.integers(0, 4, EVENTS)][first:end]
    return Batch([str(i) for i in ids], ids, ids, ids * HOUR_MS, ["u"] * len(ids), {}, numbers, ids, texts={"category": categories})


def observed(profiles: Profiles, features, schema, batch: Batch) -> tuple[np.ndarray, list[int]]:
    values = profiles.plan.row_values.of(batch)
    out = np.empty((len(batch), profiles.plan.width))
    flags = profiles.observe(profiles.slots(batch.users), batch, values, out).flags.tolist()
    return features.finish("user", out, values, batch.times_ms), flags


def warm_and_old(definitions: str, retention: str = "40d") -> tuple[np.ndarray, np.ndarray, list[int]]:
    """The features of the last 50 events: added after 150 events, and always there; and the flags of the former."""
    schema = read_schema(SCHEMA % retention)
    before, after = read_features("[{name: n, template: count, window: 1h}]", schema), read_features(definitions, schema)
    profiles, pages = Profiles(before.plans["user"]), {}
    for first in range(0, 150, 50):
        observed(profiles, before, schema, batch_of(first, first + 50))
        saved = profiles.save(profiles.slots(["u"]))
        pages |= {seq: blob for _, seq, blob in saved.pages}
        for _, seq in saved.dropped:
            pages.pop(seq, None)
    warm, old = Profiles(after.plans["user"]), Profiles(after.plans["user"])
    warm.restore("u", saved.heads[0], list(pages.items()))
    observed(old, after, schema, batch_of(0, 150))
    answers, flags = observed(warm, after, schema, batch_of(150, EVENTS))
    return answers, observed(old, after, schema, batch_of(150, EVENTS))[0], flags


@pytest.mark.parametrize(
    "definition",
    [
        "template: sum, value: event.amount, window: 7d",
        "template: distinct, value: event.category, window: 3d",
        "template: quantile_rank, value: event.amount, window: {last: 100}",
        "template: transition_surprise, value: event.category, window: 7d",
        "template: sum, value: event.amount, window: 3d, where: 'event.category == \"food\"'",
        'template: count, window: 3d, where: \'event.amount > 20.0 && !(event.category in ["fuel", "toys"])\'',
        "template: mean, value: 'event.amount * 2.0', window: 3d",
        "template: time_of_day, zone: Europe/Paris, window: 7d",
        "template: ew_mean, value: event.amount, half_life: 6h",
        "template: age",
        "template: burst, tick: 1h",
    ],
)
def test_a_new_feature_is_what_it_would_be_had_it_always_been_there(definition: str) -> None:
    warm, old, flags = warm_and_old(f"[{{name: f, {definition}}}]")
    assert np.isfinite(old).any()
    np.testing.assert_allclose(warm, old, rtol=1e-9, atol=0)
    assert not any(flag & WARMING for flag in flags)


@pytest.mark.parametrize(
    "definition",
    [
        "template: sum, value: event.other, window: 20h",
        "template: count, window: 20h, where: 'event.category.startsWith(\"f\")'",
    ],
)
def test_what_history_does_not_hold_warms_until_the_window_has_passed(definition: str) -> None:
    warm, old, flags = warm_and_old(f"[{{name: f, {definition}}}]")
    warming = [bool(flag & WARMING) for flag in flags]
    assert warming == [True] * 19 + [False] * 31
    np.testing.assert_allclose(warm[19:], old[19:], rtol=1e-9)


def test_a_window_longer_than_what_was_kept_warms_until_history_reaches_back() -> None:
    warm, old, flags = warm_and_old("[{name: f, template: sum, value: event.amount, window: 120h}]", retention="60h")
    warming = [bool(flag & WARMING) for flag in flags]
    assert warming[0]
    assert not warming[-1]
    done = warming.index(False)
    assert not any(warming[done:])
    np.testing.assert_allclose(warm[done:], old[done:], rtol=1e-9)


def test_beyond_the_bound_on_events_the_oldest_leave_windows_early_and_decisions_say_so() -> None:
    text = SCHEMA % "40d" + "events_max: 32"
    schema = read_schema(text)
    features = read_features(
        "[{name: n, template: count, window: 100h}, {name: all, template: max, value: event.amount, window: unbounded}]", schema
    )
    profiles = Profiles(features.plans["user"])
    answers, flags = observed(profiles, features, schema, batch_of(0, EVENTS))
    assert answers[:32, 0].tolist() == list(range(1, 33))
    assert set(answers[40:, 0].tolist()) <= set(range(17, 34))
    assert answers[-1, 1] == batch_of(0, EVENTS).numbers[:, 0].max() / 100
    assert [bool(flag & WARMING) for flag in flags] == [False] * 33 + [True] * 167


def test_entities_of_a_kind_that_came_later_warm_until_windows_have_passed_its_beginning() -> None:
    schema = read_schema(SCHEMA % "40d")
    features = read_features("[{name: n, template: count, window: 10h}, {name: known, template: age}]", schema)
    plan = replace(features.plans["user"], began_ms=99 * HOUR_MS + 1)
    _, flags = observed(Profiles(plan), features, schema, batch_of(100, 150))
    assert all(flag & WARMING for flag in flags), "what has no end stays unknown"
    windows = read_features("[{name: n, template: count, window: 10h}]", schema)
    later = Profiles(replace(windows.plans["user"], began_ms=99 * HOUR_MS + 1))
    _, flags = observed(later, windows, schema, batch_of(100, 150))
    assert [bool(flag & WARMING) for flag in flags] == [True] * 10 + [False] * 40
