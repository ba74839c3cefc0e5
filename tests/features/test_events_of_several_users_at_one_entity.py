"""The profile of a shop tells two users' events of one id and time apart, and finds what it kept before it could."""

from dataclasses import replace

import numpy as np
import pytest

from features.layout.layout import CORRECTED, DUPLICATE, LATE, RETRACTED, UNKNOWN
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.event import CORRECT, RETRACT, id_key_of
from features.schema.schema import read_schema
from features.sets.feature_set import read_features

SCHEMA = read_schema(
    """
{id: {field: id}, time: {field: at}, user: who, entities: [shop], retention: 30d, lateness: 6h, labels: {negative_after: 1d},
 fields: {amount: {type: float, retain: true}}}
"""
)
FEATURES = """
- {name: n, template: count, entity: shop, window: 7d}
- {name: spent, template: sum, value: event.amount, entity: shop, window: 7d}
- {name: bad, template: label_count, entity: shop, window: 7d}
"""
PLAN = read_features(FEATURES, SCHEMA).plans["shop"]
HOUR_MS = 3_600_000
NOBODY = ""
"""Whose events have the key that rows had before the user was part of it."""


class Shop:
    """The profile of one shop; ids are whole numbers, or texts."""

    def __init__(self, text_ids: bool = False) -> None:
        self.text_ids = text_ids
        self.profiles = Profiles(PLAN)

    def batch(self, user: str, id: int, hour: float, amount: float = 1.0, op: int = 0) -> Batch:
        key = id_key_of(f"payment-{id}", False) if self.text_ids else id
        keys, times = np.array([key]), np.array([int(hour * HOUR_MS)])
        orders = np.array([int.from_bytes(b"payment-", "big") if self.text_ids else id])
        ids = [f"payment-{id}" if self.text_ids else str(id)]
        return Batch(ids, keys, orders, times, [user], {"shop": ["s"]}, np.array([[amount]]), keys, {}, np.array([op], np.int8))

    def event(self, *event: object, **more: object) -> tuple[int, tuple[float, ...]]:
        """Flags, and how many, how much and how many bad ones the shop has had."""
        batch, out = self.batch(*event, **more), np.empty((1, PLAN.width))  # type: ignore[arg-type]
        observed = self.profiles.observe(self.profiles.slots(["s"]), batch, PLAN.row_values.of(batch), out)
        return int(observed.flags[0]), tuple(out[0].tolist())

    def label(self, user: str, id: int, hour: float, visible_hour: float, label: int = 1) -> None:
        batch = self.batch(user, id, hour)
        visible = np.array([int(visible_hour * HOUR_MS)])
        self.profiles.label(self.profiles.slots(["s"]), batch.times_ms, batch.id_keys, [user], np.array([label], np.int8), visible)

    def restart(self) -> None:
        saved = self.profiles.save(self.profiles.slots(["s"]))
        self.profiles = Profiles(PLAN)
        self.profiles.restore("s", saved.heads[0], [(seq, page) for _, seq, page in saved.pages])


@pytest.fixture(params=[False, True], ids=["whole numbers", "texts"])
def shop(request: pytest.FixtureRequest) -> Shop:
    return Shop(request.param)


def test_each_of_two_events_of_one_id_and_time_counts_is_corrected_and_taken_back_alone(shop: Shop) -> None:
    assert shop.event("a", 5, 1, 10.0) == (0, (1, 10, 0))
    assert shop.event("b", 5, 1, 20.0) == (0, (2, 30, 0))
    assert shop.event("a", 6, 3) == (0, (3, 31, 0))
    assert shop.event("c", 5, 1, 30.0) == (LATE, (3, 60, 0))
    shop.restart()
    assert shop.event("a", 5, 1, 10.0) == (DUPLICATE, (1, 10, 0))
    assert shop.event("b", 5, 1, 21.0, CORRECT) == (CORRECTED, (2, 31, 0))
    assert shop.event("a", 5, 1, op=RETRACT)[0] == RETRACTED
    assert shop.event("d", 5, 1, op=RETRACT)[0] == UNKNOWN
    assert shop.event("a", 7, 3) == (0, (4, 53, 0))


def test_a_label_marks_the_event_of_its_user_also_where_it_comes_first(shop: Shop) -> None:
    shop.label("b", 5, 1, 2)
    shop.event("a", 5, 1)
    shop.label("a", 5, 1, 3, label=0)
    shop.event("b", 5, 1)
    shop.restart()
    assert shop.event("a", 6, 2.5)[1] == (3, 3, 1)
    shop.label("c", 5, 1, 3)
    assert shop.event("a", 7, 3.5)[1] == (4, 4, 1)
    shop.event("c", 5, 1)
    assert shop.event("a", 8, 3.6)[1] == (6, 6, 2)


def test_what_was_kept_before_the_user_was_part_of_a_key_is_found(shop: Shop) -> None:
    for id in range(1, 5):
        shop.event(NOBODY, id, 1, 10.0)
    shop.label(NOBODY, 1, 1, 2)
    shop.restart()
    shop.label("a", 2, 1, 2)
    shop.event("a", 9, 3, 0.0)
    assert shop.event("a", 1, 1, 10.0) == (DUPLICATE, (1, 10, 0))
    assert shop.event("b", 3, 1, 11.0, CORRECT)[0] == CORRECTED
    assert shop.event("b", 4, 1, op=RETRACT)[0] == RETRACTED
    assert shop.event("a", 10, 3, 0.0) == (0, (5, 31, 2))


def test_labels_of_one_event_among_many_of_one_time_and_order_count_once_where_the_last_three_are_looked_at() -> None:
    plan = read_features("- {name: bad, template: label_count, entity: shop, window: {last: 3}}", SCHEMA).plans["shop"]
    shop = Shop()
    shop.profiles = Profiles(plan)
    users = [f"u{number}" for number in range(40)]
    one = shop.batch("u0", 5, 1)
    batch = replace(one, ids=["5"] * 40, users=users, entities={"shop": ["s"] * 40}, numbers=np.ones((40, 1)))
    for name in ("id_keys", "orders", "times_ms", "body_keys", "ops"):
        setattr(batch, name, np.repeat(getattr(one, name), 40))
    slots, out = np.repeat(shop.profiles.slots(["s"]), 40), np.empty((40, plan.width))
    shop.profiles.observe(slots, batch, plan.row_values.of(batch), out)
    hour_ms = np.repeat(one.times_ms, 40)
    shop.profiles.label(slots, hour_ms, batch.id_keys, users, np.ones(40, np.int8), hour_ms + HOUR_MS)
    last, out = shop.batch("a", 6, 2), np.empty((1, plan.width))
    shop.profiles.observe(slots[:1], last, plan.row_values.of(last), out)
    assert out[0, 0] == 2  # of the last three the newest has no label yet
