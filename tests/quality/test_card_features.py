"""The 15 inputs of the card payments, and what their rules read beside them, equal an independent computation on every row."""

import os
import pathlib

import numpy as np
import pandas as pd
import pytest

from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import read_features

ROOT = pathlib.Path(__file__).parents[2]
DATA = pathlib.Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data")) / "fdh-raw-apr-jul.parquet"
SAMPLE = ROOT / "deploy/samples/cards"
DAY_MS = 86_400_000

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"needs {DATA.name} in the folder of WEIR_DATA")


def payments() -> pd.DataFrame:
    frame = pd.read_parquet(DATA)
    frame["ms"] = frame.TX_DATETIME.astype("int64") // 1_000_000
    return frame.sort_values(["ms", "TRANSACTION_ID"], kind="stable").reset_index(drop=True)


def own_features(frame: pd.DataFrame) -> pd.DataFrame:
    """By the code under test: one pass in the total order, labels given out 7 days after their event."""
    schema = read_schema((SAMPLE / "schema.yaml").read_text())
    features = read_features((SAMPLE / "features.yaml").read_text(), schema)
    ids = frame.TRANSACTION_ID.to_numpy(np.int64)
    times = frame.ms.to_numpy(np.int64)
    numbers = np.round(frame.TX_AMOUNT.to_numpy() * 100).reshape(-1, 1)
    users = frame.CUSTOMER_ID.astype(str).tolist()
    terminals = frame.TERMINAL_ID.astype(str).tolist()
    batch = Batch([""] * len(frame), ids, ids, times, users, {"TERMINAL_ID": terminals}, numbers, ids)
    out = np.full((len(frame), len(features.names)), np.nan)
    features.complete(batch, out)
    for kind in features.kinds:
        keys = users if kind == "CUSTOMER_ID" else terminals
        profiles = Profiles(features.plans[kind], durable=False)
        slots = profiles.slots(keys)
        columns = in_order(profiles, slots, batch, frame.TX_FRAUD.to_numpy(np.int8))
        out[:, features.columns[kind]] = columns
    return pd.DataFrame(out, columns=list(features.names))


def in_order(profiles: Profiles, slots: np.ndarray, batch: Batch, labels: np.ndarray, step: int = 20_000) -> np.ndarray:
    out = np.empty((len(batch), profiles.plan.width))
    known = 0
    for start in range(0, len(batch), step):
        part = np.arange(start, min(start + step, len(batch)))
        due = int(np.searchsorted(batch.times_ms, batch.times_ms[part[-1]] - 7 * DAY_MS, side="right"))
        late = slice(known, due)
        named = (batch.times_ms[late], batch.id_keys[late], batch.users[late])
        profiles.label(slots[late], *named, labels[late], batch.times_ms[late] + 7 * DAY_MS)
        known = due
        own = batch.take(part)
        flags = profiles.observe(slots[part], own, own.numbers[:, : len(profiles.plan.columns)], out[part[0] : part[-1] + 1]).flags
        assert not flags.any()
    return out


def independent_features(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """By numpy alone: sorted groups, prefix sums, binary search."""
    times = frame.ms.to_numpy()
    moments = pd.to_datetime(times, unit="ms")
    result = {"weekend": (moments.dayofweek >= 5).astype(float), "night": (moments.hour <= 6).astype(float)}
    for days in (1, 7, 30):
        count, total = customer_window(frame.CUSTOMER_ID.to_numpy(), times, frame.TX_AMOUNT.to_numpy(), days)
        result[f"customer_count_{days}d"] = count
        result[f"customer_amount_mean_{days}d"] = total / count
        count, total = delayed_window(frame.TERMINAL_ID.to_numpy(), times, frame.TX_FRAUD.to_numpy(), days)
        result[f"terminal_count_{days}d"] = count
        result[f"terminal_risk_{days}d"] = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    result["customer_usual_30d"], result["customer_largest_30d"] = customer_before(
        frame.CUSTOMER_ID.to_numpy(), times, frame.TX_AMOUNT.to_numpy()
    )
    _, result["terminal_frauds_14d"] = delayed_window(frame.TERMINAL_ID.to_numpy(), times, frame.TX_FRAUD.to_numpy(), 7)
    return result


def customer_before(keys: np.ndarray, times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and maximum of the values in the 30 days before each row, which itself does not count."""
    mean, largest = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
    for rows in groups(keys):
        first = np.searchsorted(times[rows], times[rows] - 30 * DAY_MS, side="right")
        own = values[rows]
        sums = np.concatenate([[0], np.cumsum(np.rint(own * 100).astype(np.int64))])
        for at, start in enumerate(first.tolist()):
            if start < at:
                mean[rows[at]] = (sums[at] - sums[start]) / 100 / (at - start)
                largest[rows[at]] = own[start:at].max()
    return mean, largest


def customer_window(keys: np.ndarray, times: np.ndarray, values: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    count, total = np.empty(len(keys)), np.empty(len(keys))
    for rows in groups(keys):
        first = np.searchsorted(times[rows], times[rows] - days * DAY_MS, side="right")
        after = np.arange(1, len(rows) + 1)
        sums = np.concatenate([[0], np.cumsum(np.rint(values[rows] * 100).astype(np.int64))])
        count[rows] = after - first
        total[rows] = (sums[after] - sums[first]) / 100
    return count, total


def delayed_window(keys: np.ndarray, times: np.ndarray, labels: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    count, total = np.empty(len(keys)), np.empty(len(keys))
    for rows in groups(keys):
        own = times[rows]
        first = np.searchsorted(own, own - (days + 7) * DAY_MS, side="right")
        after = np.searchsorted(own, own - 7 * DAY_MS, side="right")
        sums = np.concatenate([[0], np.cumsum(labels[rows].astype(np.int64))])
        count[rows] = after - first
        total[rows] = sums[after] - sums[first]
    return count, total


def groups(keys: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(keys, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)


def test_every_feature_of_the_cards_equals_an_independent_computation_on_every_row() -> None:
    frame = payments()
    own = own_features(frame)
    wanted = independent_features(frame)
    assert set(own.columns) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(own[name].to_numpy(), values, rtol=1e-9, atol=0, equal_nan=True, err_msg=name)
    assert np.nansum(own["terminal_risk_7d"]) > 0
